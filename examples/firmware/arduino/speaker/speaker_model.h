/* Made by lstm_export.py 0.2.0 from speaker.keras.
 * Saved by keras 3.15.1.
 * SHA-256 of the weights: 4e3d465ea3a9e6d2b797d2e9e42ffc998349177660b018d0dc134f2d27d17209
 * Expected outputs of speaker_selftest by the float64 reference of lstm_export.py.
 *
 *   Model: "streaming"
 *   +---------------------------------+------------------------+---------------+
 *   | Layer (type)                    | Output Shape           |       Param # |
 *   +=================================+========================+===============+
 *   | lstm (LSTM)                     | (None, 8)              |           672 |
 *   +---------------------------------+------------------------+---------------+
 *   | dense (Dense)                   | (None, 9)              |            81 |
 *   +---------------------------------+------------------------+---------------+
 *    Total params: 753 (2.94 KB)
 *    Trainable params: 753 (2.94 KB)
 *    Non-trainable params: 0 (0.00 B)
 *
 * x[timesteps][12] becomes y[9]:
 *   float work[SPEAKER_WORK_LEN(timesteps)];
 *   if (speaker_predict(x, timesteps, y, work) != LSTM_OK) { return 1; }
 * or timestep by timestep, or block by block, as x comes in:
 *   float state[SPEAKER_STATE_LEN], scratch[SPEAKER_SCRATCH_LEN];
 *   speaker_reset(state);
 *   status = speaker_step(x, state, y, scratch);
 *   status = speaker_block(x, timesteps, state, y, scratch);
 *
 * To say where the weights go, define SPEAKER_WEIGHTS before including this, for example
 * as __attribute__((section(".flash"))) or PROGMEM (on AVR, with LSTM_LOAD of lstm.h).
 */
#if defined SPEAKER_H && SPEAKER_H + 0 != 0x509bb02f
#error "SPEAKER_H is another header: export one of the models with another --name"
#endif
#ifndef SPEAKER_H
#define SPEAKER_H 0x509bb02f

#include "lstm.h"

#if !defined(LSTM_VERSION_MAJOR) || \
    (LSTM_VERSION_MAJOR == 0 && LSTM_VERSION_MINOR < 2)
#error "this header needs lstm.h 0.2 or newer: copy that one beside it"
#endif

/* A compiler that can warns where a status is not looked at. */
#if (defined(__cplusplus) && __cplusplus >= 201703L) || \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define SPEAKER_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define SPEAKER_NODISCARD __attribute__((__warn_unused_result__))
#else
#define SPEAKER_NODISCARD
#endif

#ifndef SPEAKER_WEIGHTS
#define SPEAKER_WEIGHTS
#endif

#define SPEAKER_INPUT_DIM 12
#define SPEAKER_OUTPUT_DIM 9
#define SPEAKER_UNITS 8
#define SPEAKER_PARAM_COUNT ((size_t)753)

/* Floats of h and c, of scratch, of predict's work and of its output. */
#define SPEAKER_STATE_LEN ((size_t)16)
#define SPEAKER_SCRATCH_LEN (LSTM_SCRATCH_LEN(8))
#define SPEAKER_WORK_LEN(timesteps) (SPEAKER_STATE_LEN + SPEAKER_SCRATCH_LEN)
#define SPEAKER_OUTPUT_LEN(timesteps) ((size_t)9)

/* clang-format off */

/* lstm (LSTM): kernel, recurrent_kernel, bias */
SPEAKER_WEIGHTS LSTM_ALIGNED static const float speaker_lstm_weights[672] = {
    0.393753082f, -0.287992716f, 0.206943586f, 1.46106303f, 1.39847529f, -0.967288852f,
    -0.383622319f, 1.7380054f, -0.212406293f, -0.0838369057f, -0.357325464f,
    -1.3789804f, -0.878924668f, -0.0385218374f, 1.20755756f, 0.293274283f,
    -0.404959172f, 0.321316451f, -0.800030828f, -0.646700621f, -1.32239866f,
    0.091913797f, 0.212859705f, 0.797038138f, -0.61083585f, 1.01553893f, -1.28255606f,
    0.56332165f, 1.12905526f, -1.50169885f, 0.591482878f, 1.47952867f, -2.11401391f,
    1.63458693f, -1.40813541f, -0.470153213f, 0.305279374f, 0.693404973f, 0.0256654266f,
    1.21239197f, 0.417138427f, -0.00834763329f, -0.415156603f, 1.69974208f,
    -0.304927498f, -0.163296938f, 0.344949365f, -0.538106918f, 0.576946437f,
    0.747622848f, 0.387657434f, -0.455878198f, -0.207213745f, -1.12026942f, 0.19934006f,
    -0.785960495f, -0.376832038f, -0.663849771f, -1.71123624f, 0.494152784f,
    -1.28201342f, -0.0058706766f, -0.317906439f, -0.136295557f, 1.56803358f,
    0.033204861f, 0.608223081f, -0.751040459f, -0.91593194f, 0.0554141663f,
    0.921752751f, -0.310750395f, -0.170187697f, 2.49123502f, 1.07411528f, 0.491949439f,
    -0.536391437f, 0.516889811f, -1.3127538f, 0.78379035f, 0.971773744f, -0.308534592f,
    -0.456148267f, 0.137488231f, -0.814364731f, 1.68242049f, 0.759385586f,
    -0.904860497f, 2.0515523f, -0.118944131f, -0.40537852f, 0.308266401f, 1.95278883f,
    -1.89395273f, 1.68451142f, 1.53952527f, -1.4854697f, -1.7165401f, 1.81450915f,
    -2.19341493f, -0.616195023f, -0.504053295f, 0.704514921f, 1.41486132f,
    -0.360569507f, 0.441227138f, 0.483024061f, 2.39815807f, -0.49779591f, 1.63187158f,
    0.288158089f, 1.8969512f, 0.35896796f, -0.338350594f, -1.32043779f, -0.943053126f,
    -1.43238544f, 0.0479761921f, 1.01473308f, -0.0229060948f, 0.271408856f,
    0.853100717f, 0.490513444f, 3.10511088f, 0.563418865f, -0.0583991036f, 1.33309722f,
    1.71923077f, 1.10469067f, -0.82932812f, -0.549949527f, -1.17724669f, 1.0228101f,
    -0.943057179f, -1.96269047f, -1.22444844f, 0.816273093f, -1.40296853f, 0.268812895f,
    0.919748247f, 2.12956691f, 1.2435962f, 1.73046601f, -0.939674437f, -0.60096854f,
    0.0439864211f, 1.40199625f, -0.0155658266f, -0.827617109f, 0.282137841f,
    -0.432422489f, -0.161406219f, 3.0279417f, 1.68071663f, 1.65372777f, -0.397274643f,
    1.44350326f, 3.68723989f, 0.766458392f, -1.43803072f, 0.929470718f, 1.79568267f,
    0.327174664f, -0.759245753f, 1.46042073f, -2.26479864f, 0.82634455f, 1.0016464f,
    0.0804495141f, 0.537460387f, 4.04529381f, -0.30477336f, 2.27177286f, 0.248764575f,
    0.334883153f, 0.0389221013f, 2.13617611f, 1.88958752f, 1.59521365f, -1.63171732f,
    -0.63903451f, -0.366096109f, -0.359718114f, -0.804288089f, -1.9964484f, 1.53072691f,
    -0.313985497f, -0.59940958f, 1.23932898f, 2.85717869f, 0.100969985f, 2.92287803f,
    -0.256412566f, 1.35003316f, -0.740576744f, 1.17040992f, -0.352355093f, 3.25465512f,
    0.000896561309f, 1.07840729f, 1.38423193f, 1.3822248f, 0.56782341f, 0.324972034f,
    -0.359347373f, -2.9968555f, -0.902923524f, 1.56611013f, 0.358656347f, -1.09971273f,
    0.428394765f, 0.201972678f, -0.508297801f, -3.24535084f, 1.28835702f, -1.89237773f,
    1.80269313f, -1.98008347f, -1.89384222f, 1.98653102f, -3.72724795f, -2.43486333f,
    -0.828612149f, -3.64610124f, -0.599779785f, -2.19695735f, 1.73923945f, 0.245358318f,
    2.42981577f, -2.2597177f, -0.28123948f, 2.21882057f, -0.741048157f, -0.762915373f,
    -1.71484756f, -1.12255383f, -1.53295255f, 0.950038075f, 1.25917315f, -0.62375623f,
    -2.6526916f, -0.139184669f, 0.531638265f, -0.809181809f, -1.31442237f,
    -0.537207246f, 2.15477729f, 1.09105515f, -1.38435519f, -0.858824313f, -1.30087388f,
    -4.79100752f, 3.11820984f, -3.27847719f, -0.0278748814f, 2.50742459f, -1.81407714f,
    -2.74276233f, 1.92959535f, -2.86177731f, 1.23030198f, -0.906046927f, 0.872913599f,
    1.17615962f, 0.0994944796f, -1.9202286f, 2.48765349f, 1.11659276f, -3.77277803f,
    0.774338484f, 3.55839229f, -0.402864128f, 1.33723223f, 2.5565269f, 1.5123024f,
    -1.71269369f, 0.626275301f, -1.46174932f, -0.522249579f, 0.493804216f, -3.98865461f,
    -3.73017645f, 0.251891911f, -0.573515177f, -1.41574275f, -2.7277143f, 0.463968635f,
    5.15096283f, 2.68058896f, -2.31643867f, -1.76710629f, -1.41026187f, -5.12719584f,
    -6.02384615f, 1.38384604f, -4.06017923f, 4.46518993f, 0.834463537f, -1.89931023f,
    -1.33153844f, -1.26651347f, 0.321729451f, 1.96523845f, 0.713130116f, -2.27879667f,
    -2.30865836f, 0.0379362404f, -2.85956669f, -2.1470747f, -2.64267063f, -2.31153154f,
    2.44364953f, 4.66140079f, 1.96074402f, 1.81440842f, -1.36795557f, 5.75575447f,
    3.36761093f, 1.57919681f, -3.94417453f, 3.39547205f, -2.50149488f, -1.30712354f,
    1.44311047f, 0.82767117f, -9.45632172f, -1.23536789f, 3.51191115f, 1.14328957f,
    -0.075815402f, -1.35729885f, -1.74868321f, -1.37379849f, 1.87337041f, -2.59105134f,
    4.15667725f, -1.13589442f, 0.0384462625f, -0.394754112f, 1.6929822f, -0.271048337f,
    1.27460742f, -0.784104943f, -1.24510634f, 2.65491915f, 6.62688398f, -1.50847006f,
    -0.22794874f, 4.07033491f, 6.99524975f, 0.258602798f, -4.364645f, 7.19142866f,
    0.820930779f, 0.173963755f, 5.71063519f, 7.44203997f, 4.6946106f, -4.73203611f,
    0.693979442f, -0.899090827f, -5.83878899f, 4.26477003f, -5.36110735f, 3.02066708f,
    -2.77789712f, 2.07855916f, -4.50336313f, 1.13492167f, 0.282381505f, 2.6863718f,
    1.14036095f, 1.39081979f, -0.604256749f, 0.979790986f, 2.10666752f, 3.45770454f,
    -3.35371637f, -2.54073095f, -1.78053415f, -0.446032286f, 2.11756086f, -0.951027036f,
    -5.00937462f, 0.511157393f, 0.0797503814f, 0.456931442f, -0.263362527f,
    -0.102851853f, 0.718537271f, 0.438927054f, -0.814220726f, 0.141920045f,
    0.100990504f, 0.545326293f, -0.821490705f, -0.561919689f, -0.201361224f,
    0.148956209f, -0.130146891f, -0.192771718f, -0.262799233f, 0.123575054f,
    0.26386559f, 0.210603744f, 0.273482442f, -0.517954707f, 0.251485348f, -0.150687754f,
    -1.2845372f, -0.0941318646f, 0.427099079f, -0.379223347f, -0.216405809f,
    -0.305306703f, -0.105056897f, -0.294920355f, -0.324172825f, 0.46316576f,
    -0.516373456f, -0.598239064f, -0.734285891f, 0.097635597f, 0.464837313f,
    -0.00649167085f, 0.110769071f, 0.0808502436f, 0.259851009f, -0.334370226f,
    -0.080628477f, 0.52651304f, 0.184819147f, -0.11709898f, 0.468828976f, -0.257915914f,
    0.63858974f, 0.0399391167f, 0.0607328415f, 0.662993848f, -0.0718814582f,
    0.395250648f, 0.717030942f, 0.148293287f, 0.280402154f, 0.122466318f, 0.0335979201f,
    0.57000339f, 0.675117791f, 0.40547362f, 0.142003834f, 0.136743382f, -0.455918193f,
    -0.0261041019f, 0.0256180894f, -0.385146558f, -0.230412632f, -0.198805898f,
    -0.82638371f, -0.524553537f, 0.473736376f, 0.437994838f, -0.0885169059f,
    0.196084425f, -0.31051451f, -0.42800343f, -0.1701148f, 0.293378353f, 0.366792589f,
    0.328203589f, 0.551132798f, -0.0242038723f, -0.3424851f, 0.435820431f,
    -0.404199153f, 0.474033058f, -0.069617182f, -0.414308459f, 0.323298752f,
    0.0946089998f, -0.59316057f, -0.437077522f, 0.280791551f, 0.22930631f,
    -0.383346289f, -1.48177159f, -0.52469337f, 0.738086224f, -0.0631752387f,
    -0.0677501485f, -0.394859701f, -0.434298277f, -0.0793989301f, 0.361141592f,
    0.20455654f, -0.719890356f, -0.132223234f, -0.492027521f, -0.0554862246f,
    -0.228088409f, 0.244219124f, 0.310505092f, -0.243903384f, 0.22331205f, 0.128715664f,
    0.387310922f, -0.620604694f, 0.355904281f, -0.199034467f, -1.27159441f,
    -0.678650558f, -0.117944025f, -0.461301714f, -0.0919016004f, 0.404318392f,
    -0.369603872f, 0.184166327f, -0.30870077f, 0.355282664f, 0.714041829f,
    -0.332275212f, -0.252712011f, -0.0542861931f, -0.661104202f, 0.405824572f,
    0.182506055f, 0.236413866f, -0.540145099f, -0.444737136f, -0.0799576789f,
    -0.16611737f, -0.1284879f, 0.50483948f, -0.265713751f, -0.402245343f, 0.342761844f,
    0.270358324f, -0.0626714826f, -0.650149345f, 0.31389913f, -0.665816128f,
    -0.756216109f, -0.648717046f, -1.26416457f, -0.758762062f, 1.00942957f,
    -0.120679989f, -0.628021538f, 0.698246956f, 0.0751674548f, 0.368695974f,
    -0.090809688f, -0.709168017f, 0.44819954f, -0.194299653f, -0.0777460188f,
    0.567383349f, 0.647623003f, 0.36399585f, -0.240470946f, -0.624656618f, 0.636766911f,
    0.113785148f, 0.258949995f, 0.16140911f, 0.358984172f, 0.208808109f, 0.597283423f,
    -0.309451133f, 0.579605222f, -0.124485321f, -0.682078063f, -0.374588341f,
    1.11918652f, -0.383776963f, -0.930134475f, -0.246074319f, 0.394959748f,
    -0.751819968f, -0.207691938f, 0.320027322f, 0.181255043f, -0.376602411f,
    -0.161439717f, -0.297210544f, 0.465443581f, -0.15078716f, -0.237472251f,
    0.296948403f, 0.66109252f, 0.312783569f, 0.0976730436f, -0.211426035f, -0.16831103f,
    -0.156040117f, -0.0649719015f, -0.102929786f, -0.392040789f, 0.303382993f,
    0.304041028f, -0.449661314f, 1.24383044f, -0.128276393f, -0.983699203f,
    0.637443781f, 1.44971955f, 0.356110781f, 0.297526598f, -0.267716289f, 0.120520711f,
    0.822598398f, -0.493055373f, 0.771689892f, 0.210189119f, 0.262403786f,
    0.0838871598f, -0.915331066f, -0.0530725867f, -0.121381104f, -0.657787442f,
    -0.277541906f, 0.227711841f, -0.786248505f, 0.0616029687f, -1.08757818f,
    0.101455964f, 0.359139472f, -0.0244633835f, 0.431823581f, 0.576017797f,
    -0.0814111382f, -0.236944899f, 0.0670531392f, -0.874857545f, -0.418081284f,
    -0.131830558f, -0.624680459f, -0.311099112f, -0.144930527f, -1.25496185f,
    -1.31026101f, -2.57670856f, 0.632435739f, -0.280372024f, -2.67998409f, -2.4277215f,
    -0.643604934f, 1.99536908f, 0.422499388f, 2.26962328f, 1.88317764f, 1.62131679f,
    4.03986502f, 0.188852623f, 1.60440016f, 1.55815506f, 2.06902003f, 0.692354083f,
    0.893454254f, 0.91309166f, -1.24484277f, 0.327445686f, -2.47700691f, -0.248726472f,
    -1.38273335f, -0.123411514f, -0.516557217f, 0.87206459f, 0.93541801f, -1.41876769f,
    1.7143414f, 0.186875522f, 0.693912566f
};

/* dense (Dense): kernel, bias */
SPEAKER_WEIGHTS LSTM_ALIGNED static const float speaker_dense_weights[81] = {
    1.23880935f, -1.02478278f, -0.610579133f, 1.58470559f, 0.291766763f, 0.831412673f,
    0.364208877f, -0.357632935f, -1.44876337f, 0.954702556f, -0.745836139f,
    -1.00805807f, 0.314647198f, 0.973781347f, -1.08206153f, 0.796531022f, 0.807854414f,
    0.0060307323f, 0.205896929f, -0.128664359f, 0.00285161124f, 1.35189235f,
    -0.689006984f, -0.566620886f, 1.47882998f, -0.785680771f, 0.65604651f,
    -0.764104068f, 0.300193518f, 1.43028808f, 0.904334962f, -0.490041703f,
    -0.674461007f, -0.583602786f, 1.00309837f, -0.980427563f, -0.782788396f,
    1.26632965f, -0.525317252f, 0.792891562f, -0.304372787f, -0.311390758f,
    0.434170455f, 0.542449474f, -1.4318378f, 0.973724306f, 1.33525908f, -1.33323407f,
    0.832944036f, -0.169399843f, 0.75745362f, -0.951197207f, -0.0871353596f,
    -0.483754575f, 0.976610363f, 0.221691146f, -0.794737935f, -0.113940462f,
    -0.606774569f, -1.01758409f, -1.00524104f, 0.936915815f, 0.712566018f,
    -0.236088559f, 0.527376115f, 0.259643346f, 0.730807483f, 1.64237046f, -0.51299727f,
    -0.680470169f, -1.03147221f, -0.139603376f, -0.479211956f, 0.122534558f,
    0.196315482f, 0.357236505f, 0.385332704f, -0.37034449f, -0.116365448f,
    -0.0068667857f, 0.029854428f
};

/* These do not compile where a count is wrong. */
typedef char speaker_lstm_count[sizeof speaker_lstm_weights / sizeof(float) ==
    LSTM_PARAM_COUNT(12, 8) ? 1 : -1];
typedef char speaker_dense_count[sizeof speaker_dense_weights / sizeof(float) ==
    LSTM_DENSE_PARAM_COUNT(8, 9) ? 1 : -1];
typedef char speaker_check[sizeof speaker_lstm_weights / sizeof(float) +
    sizeof speaker_dense_weights / sizeof(float) == SPEAKER_PARAM_COUNT ? 1 : -1];

static const lstm_layer speaker_lstm_layer = {12, 8, speaker_lstm_weights,
    speaker_lstm_weights + 384, speaker_lstm_weights + 640, LSTM_TANH, LSTM_SIGMOID, 0, 0,
    0};
static const lstm_dense speaker_dense_layer = {8, 9, speaker_dense_weights,
    speaker_dense_weights + 72, LSTM_SOFTMAX};

/* speaker_reset - the state before the first timestep of a sequence.
 *   state  SPEAKER_STATE_LEN floats, written */
static inline void speaker_reset(float *state)
{
    for (size_t k = 0; k < SPEAKER_STATE_LEN; k++) {
        state[k] = 0.0f;
    }
}

/* Some timesteps; otherwise as speaker_step. */
SPEAKER_NODISCARD
static inline lstm_status speaker_run(const float *x, size_t rows, float *state, float *y,
                                      float *scratch)
{
    lstm_status status;
    status = lstm_forward(&speaker_lstm_layer, x, rows, state, state + 8, NULL, scratch);
    if (status != LSTM_OK) {
        return status;
    }
    if (y == NULL) {
        return LSTM_OK;
    }
    status = lstm_dense_forward(&speaker_dense_layer, state, 1, y);
    return status;
}

/* speaker_block - some timesteps of a stream, as many as there are.
 *   x        [timesteps][12]
 *   state    SPEAKER_STATE_LEN floats, from speaker_reset on
 *   y        [9], the output after the last, or NULL
 *   scratch  SPEAKER_SCRATCH_LEN floats, never read before written
 * However a sequence is cut into blocks, they give the bits of speaker_predict. NULL for
 * another array: LSTM_ERR_NULL; on an error nothing is written.
 */
SPEAKER_NODISCARD
static inline lstm_status speaker_block(const float *x, size_t timesteps, float *state,
                                        float *y, float *scratch)
{
    if (timesteps == 0) {
        return LSTM_OK;
    }
    if (x == NULL || state == NULL || scratch == NULL) {
        return LSTM_ERR_NULL;
    }
    return speaker_run(x, timesteps, state, y, scratch);
}

/* speaker_predict - the model's output for one sequence.
 *   x     [timesteps][12]
 *   y     [9], written
 *   work  SPEAKER_WORK_LEN(timesteps) floats, never read before written
 * The arrays must not overlap. All states begin at zero. 0 timesteps: LSTM_OK, nothing is
 * done. NULL for an array: LSTM_ERR_NULL; on an error y is not written.
 */
SPEAKER_NODISCARD
static inline lstm_status speaker_predict(const float *x, size_t timesteps, float *y,
                                          float *work)
{
    if (timesteps == 0) {
        return LSTM_OK;
    }
    if (x == NULL || y == NULL || work == NULL) {
        return LSTM_ERR_NULL;
    }
    float *const state = work;
    float *const scratch = work + SPEAKER_STATE_LEN;
    speaker_reset(state);
    return speaker_block(x, timesteps, state, y, scratch);
}

/* speaker_step - one timestep of a stream.
 *   x        [12]
 *   state    SPEAKER_STATE_LEN floats, from speaker_reset on
 *   y        [9], the output so far, or NULL where it is not wanted
 *   scratch  SPEAKER_SCRATCH_LEN floats, never read before written
 * Called for each timestep in turn it gives the bits of speaker_predict. NULL for another
 * array: LSTM_ERR_NULL; on an error nothing is written.
 */
SPEAKER_NODISCARD
static inline lstm_status speaker_step(const float *x, float *state, float *y,
                                       float *scratch)
{
    return speaker_block(x, 1, state, y, scratch);
}

/* speaker_selftest - runs the model on a recorded sequence, and again by speaker_step.
 * Returns the largest |y - expected| / (1 + |expected|): about 1e-7, at most 2e-6 where
 * all is well; 1e30 where it cannot run, and a NaN where a NaN came out. Write `if
 * (!(error <= 2e-6f))` for what to do about it. Its arrays are on the stack.
 */
static inline float speaker_selftest(void)
{
    static const float x[120] = {
        -0.84738344f, 0.55983758f, -0.123181537f, 0.446930349f, 0.955979049f,
        0.0769917443f, 0.00224092742f, -0.855897725f, -0.46312204f, -0.000234998355f,
        0.358459979f, 0.607478082f, -0.23811774f, -0.868127286f, -0.423708797f,
        0.819187045f, -0.573229313f, -0.0957520753f, 0.862412035f, -0.950201571f,
        0.201097831f, 0.900259018f, -0.539394259f, 0.0969798416f, 0.818256736f,
        -0.733661115f, 0.0468251631f, 0.500819743f, 0.338026494f, -0.064494282f,
        -0.590301812f, -0.0184682216f, -0.255230635f, -0.0451976918f, -0.268219233f,
        0.675835967f, 0.537294984f, -0.372010648f, 0.145250663f, -0.447901905f,
        -0.0943141356f, -0.294043273f, 0.314798921f, -0.259297848f, -0.0818140432f,
        0.438648254f, -0.174016342f, 0.812846541f, -0.639096737f, 0.482237756f,
        -0.155251905f, -0.147092849f, 0.268759727f, 0.0458124019f, -0.170228049f,
        -0.997146249f, -0.815475285f, 0.418788791f, 0.0486911945f, 0.392320931f,
        0.910936654f, 0.365827709f, -0.893742621f, -0.382294625f, 0.185189381f,
        -0.529759169f, 0.929942012f, 0.890096426f, 0.696801782f, -0.0553520061f,
        0.682953417f, -0.737778723f, -0.382532686f, -0.0740072131f, 0.483694404f,
        -0.028349543f, -0.726247787f, -0.312926948f, -0.351147652f, -0.399162203f,
        -0.668997228f, -0.170196459f, -0.103758685f, 0.549800754f, 0.592781425f,
        0.0447802544f, -0.0787394047f, 0.556427181f, 0.774577916f, 0.349837542f,
        0.600958109f, 0.878222704f, -0.918688357f, 0.751343429f, -0.446873844f,
        -0.048471f, 0.593521893f, 0.434484452f, -0.705704868f, 0.317496508f,
        -0.861495852f, -0.28585875f, 0.625659108f, -0.144590333f, 0.199708879f,
        0.456322581f, 0.64245522f, 0.521030247f, -0.985713422f, -0.159486338f,
        -0.073727563f, -0.889001012f, 0.082884267f, 0.215541497f, 0.656906366f,
        0.883618534f, -0.743704319f, -0.539138675f, 0.318316787f, -0.735052049f
    };
    static const float expected[9] = {
        0.0328705572f, 0.140381366f, 0.267128587f, 0.105516478f, 0.0506648384f,
        0.16347526f, 0.0683565736f, 0.0622450672f, 0.109361261f
    };
    float work[SPEAKER_WORK_LEN(10)], y[9];
    float worst = 0.0f;
    if (speaker_predict(x, 10, y, work) != LSTM_OK) {
        return 1e30f;
    }
    for (size_t k = 0; k < 9; k++) {
        const float want = expected[k];
        const float gap = y[k] < want ? want - y[k] : y[k] - want;
        const float error = gap / (1.0f + (want < 0.0f ? -want : want));
        if (!(error <= worst)) {
            worst = error;
        }
    }
    speaker_reset(work);
    for (size_t t = 0; t < 10; t++) {
        if (speaker_step(x + t * 12, work, y, work + SPEAKER_STATE_LEN) != LSTM_OK) {
            return 1e30f;
        }
    }
    for (size_t k = 0; k < 9; k++) {
        const float want = expected[k];
        const float gap = y[k] < want ? want - y[k] : y[k] - want;
        const float error = gap / (1.0f + (want < 0.0f ? -want : want));
        if (!(error <= worst)) {
            worst = error;
        }
    }
    return worst;
}

/* clang-format on */
#endif
