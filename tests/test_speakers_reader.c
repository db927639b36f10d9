/* The reader of the speakers example takes what is well formed, and of everything else
 * says which line is wrong and why. */
#include "check.h"
#include "speakers/utterances.h"

#define NUMBERS_11 "1 2 3 4 5 6 7 8 9 10 11"
#define FRAME NUMBERS_11 " 12\n"
#define HEAD "utterance 1 speaker 9 frames 2\n"
#define UTTERANCE_1 HEAD FRAME FRAME

/* A reader of `length` bytes of text. */
static FILE *open_bytes(utterance_reader *reader, const char *text, size_t length)
{
    FILE *file = tmpfile();

    if (file == NULL || fwrite(text, 1, length, file) != length) {
        fprintf(stderr, "no temporary file\n");
        exit(2);
    }
    rewind(file);
    utterance_reader_init(reader, file, "file.txt");
    return file;
}

/* Reads utterances until the file is over or refused. */
static utterance_status read_bytes(utterance_reader *reader, const char *text,
                                   size_t length)
{
    FILE *file = open_bytes(reader, text, length);
    utterance_status status;
    utterance u;

    do {
        status = utterance_read(reader, &u);
    } while (status == UTTERANCE_READ);
    fclose(file);
    return status;
}

/* Is the text refused with this message? */
static int refused(const char *text, const char *error)
{
    utterance_reader reader;
    const utterance_status status = read_bytes(&reader, text, strlen(text));

    if (status == UTTERANCE_REFUSED && strcmp(reader.error, error) == 0) {
        return 1;
    }
    fprintf(stderr, "got \"%s\", wanted \"%s\"\n", reader.error, error);
    return 0;
}

/* How many utterances a text holds, -1 if it is refused. */
static int taken(const char *text)
{
    utterance_reader reader;

    if (read_bytes(&reader, text, strlen(text)) != UTTERANCE_END ||
        reader.error[0] != '\0') {
        fprintf(stderr, "got \"%s\"\n", reader.error);
        return -1;
    }
    return (int)reader.utterances;
}

static int refused_header(const char *header, const char *error)
{
    char text[256];
    snprintf(text, sizeof text, "%s\n" FRAME, header);
    return refused(text, error);
}

/* An utterance of one frame whose last number is this word. */
static int refused_number(const char *word)
{
    char text[256], error[256];
    snprintf(text, sizeof text, "utterance 1 speaker 1 frames 1\n" NUMBERS_11 " %s\n",
             word);
    snprintf(error, sizeof error, "file.txt:2: '%.40s' is not a number below a million",
             word);
    return refused(text, error);
}

static void an_utterance_is_read_as_it_is_written(void)
{
    static const char text[] = "# a comment\n"
                               "utterance 1 speaker 3 frames 2\n"
                               "1 -2.5 3e-2 -4E+1 .5 6. 0 -0 9 10 11 12\n"
                               "# another\n"
                               "-1 -2 -3 -4 -5 -6 -7 -8 -9 -10 -11 -12\n"
                               "utterance 2 speaker 9 frames 1\n" FRAME;
    static const float want[2][UTTERANCE_FEATURES] = {
        {1.0f, -2.5f, 0.03f, -40.0f, 0.5f, 6.0f, 0.0f, -0.0f, 9.0f, 10.0f, 11.0f, 12.0f},
        {-1.0f, -2.0f, -3.0f, -4.0f, -5.0f, -6.0f, -7.0f, -8.0f, -9.0f, -10.0f, -11.0f,
         -12.0f}};
    utterance_reader reader;
    FILE *file = open_bytes(&reader, text, strlen(text));
    utterance u;

    CHECK(utterance_read(&reader, &u) == UTTERANCE_READ);
    CHECK(u.number == 1 && u.speaker == 3 && u.frames == 2);
    CHECK_BITS(u.x[0], want[0], 2 * UTTERANCE_FEATURES);
    CHECK(utterance_read(&reader, &u) == UTTERANCE_READ);
    CHECK(u.number == 2 && u.speaker == 9 && u.frames == 1);
    CHECK(u.x[0][0] == 1.0f && u.x[0][11] == 12.0f);
    CHECK(utterance_read(&reader, &u) == UTTERANCE_END);
    CHECK(reader.error[0] == '\0');
    fclose(file);
}

static void an_empty_file_and_comments_alone_are_over_at_once(void)
{
    CHECK(taken("") == 0);
    CHECK(taken("# nothing\n#\n") == 0);
}

static void line_ends_of_windows_tabs_and_spaces_are_taken(void)
{
    CHECK(taken("# a comment\r\nutterance 1 speaker 1 frames 1\r\n" NUMBERS_11
                " 12\r\n") == 1);
    CHECK(taken("  utterance\t1  speaker 1 frames 1 \n\t" NUMBERS_11 "\t 12 \n") == 1);
}

static void the_longest_utterance_is_taken(void)
{
    char text[64 + 29 * sizeof FRAME] = "utterance 1 speaker 1 frames 29\n";

    for (int t = 0; t < 29; t++) {
        strcat(text, FRAME);
    }
    CHECK(taken(text) == 1);
}

static void too_few_numbers_are_refused(void)
{
    CHECK(refused(HEAD FRAME NUMBERS_11 "\n", "file.txt:3: found 11 numbers, wanted 12"));
    CHECK(refused(HEAD "\n", "file.txt:2: found 0 numbers, wanted 12"));
    CHECK(refused(HEAD " \t\r\n", "file.txt:2: found 0 numbers, wanted 12"));
}

static void too_many_numbers_are_refused(void)
{
    CHECK(refused(HEAD NUMBERS_11 " 12 13\n", "file.txt:2: found 13 numbers, wanted 12"));
}

static void comments_count_as_lines(void)
{
    CHECK(
        refused("# 1\n# 2\n" HEAD "# 4\n7\n", "file.txt:5: found 1 numbers, wanted 12"));
}

static void what_is_no_number_is_refused(void)
{
    CHECK(refused_number("x"));
    CHECK(refused_number("1x"));
    CHECK(refused_number("1,5"));
    CHECK(refused_number("--1"));
    CHECK(refused_number("."));
    CHECK(refused_number("e5"));
    CHECK(refused_number("1e"));
    CHECK(refused_number("1.2.3"));
    CHECK(refused_number("0x10"));
    CHECK(refused_number("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"));
}

static void nan_and_infinity_are_refused(void)
{
    CHECK(refused_number("nan"));
    CHECK(refused_number("-NaN"));
    CHECK(refused_number("nan(1)"));
    CHECK(refused_number("inf"));
    CHECK(refused_number("-Infinity"));
    CHECK(refused_number("1e999"));
    CHECK(refused_number("-1e39"));
    CHECK(refused_number("1000000"));
}

static void a_header_that_is_none_is_refused(void)
{
    const char *error =
        "file.txt:1: wanted a line like 'utterance 1 speaker 1 frames 19'";

    CHECK(refused_header("", error));
    CHECK(refused_header("1 2 3", error));
    CHECK(refused_header("utterance", error));
    CHECK(refused_header("utterance 1 speaker 1", error));
    CHECK(refused_header("utterance 1 speaker 1 frames", error));
    CHECK(refused_header("utterance 1 speaker 1 frames 1 more", error));
    CHECK(refused_header("utterance 1 frames 1 speaker 1", error));
    CHECK(refused_header("Utterance 1 speaker 1 frames 1", error));
    CHECK(refused_header("utterance one speaker 1 frames 1", error));
    CHECK(refused_header("utterance 1 speaker 1 frames 1.5", error));
    CHECK(refused_header("utterance 1 speaker 1 frames -1", error));
    CHECK(refused_header("utterance 1 speaker 1 frames +1", error));
    CHECK(refused_header("utterance 1 speaker 1 frames 0x1", error));
    CHECK(refused_header("utterance 1 speaker 1 frames 18446744073709551617", error));
}

static void a_speaker_that_does_not_exist_is_refused(void)
{
    CHECK(refused_header("utterance 1 speaker 0 frames 1",
                         "file.txt:1: speaker 0 is not one of 1 to 9"));
    CHECK(refused_header("utterance 1 speaker 10 frames 1",
                         "file.txt:1: speaker 10 is not one of 1 to 9"));
}

static void an_absurd_number_of_frames_is_refused(void)
{
    CHECK(refused_header("utterance 1 speaker 1 frames 0",
                         "file.txt:1: 0 frames are not 1 to 29"));
    CHECK(refused_header("utterance 1 speaker 1 frames 30",
                         "file.txt:1: 30 frames are not 1 to 29"));
    CHECK(refused_header("utterance 1 speaker 1 frames 999999",
                         "file.txt:1: 999999 frames are not 1 to 29"));
}

static void utterances_out_of_order_are_refused(void)
{
    CHECK(refused_header("utterance 0 speaker 1 frames 1",
                         "file.txt:1: found utterance 0, wanted 1"));
    CHECK(refused(UTTERANCE_1 HEAD, "file.txt:4: found utterance 1, wanted 2"));
    CHECK(refused(UTTERANCE_1 "utterance 3 speaker 1 frames 1\n",
                  "file.txt:4: found utterance 3, wanted 2"));
}

static void more_frames_than_announced_are_refused(void)
{
    CHECK(refused(UTTERANCE_1 FRAME,
                  "file.txt:4: wanted a line like 'utterance 1 speaker 1 frames 19'"));
}

static void fewer_frames_than_announced_are_refused(void)
{
    CHECK(refused(HEAD FRAME UTTERANCE_1,
                  "file.txt:3: 'utterance' is not a number below a million"));
}

static void a_file_that_ends_within_an_utterance_is_refused(void)
{
    CHECK(refused(HEAD, "file.txt:1: the file ends after frame 0 of 2"));
    CHECK(refused(HEAD FRAME, "file.txt:2: the file ends after frame 1 of 2"));
    CHECK(refused(HEAD FRAME "# end\n", "file.txt:3: the file ends after frame 1 of 2"));
}

static void a_file_that_ends_within_a_line_is_refused(void)
{
    CHECK(refused("#", "file.txt:1: the file ends within the line"));
    CHECK(refused("utterance 1 spea", "file.txt:1: the file ends within the line"));
    CHECK(
        refused(HEAD FRAME NUMBERS_11 " 1", "file.txt:3: the file ends within the line"));
    CHECK(refused(HEAD FRAME NUMBERS_11 " 12\r",
                  "file.txt:3: the file ends within the line"));
}

static void a_line_of_255_characters_is_taken_and_one_of_256_is_refused(void)
{
    char text[512] = HEAD FRAME NUMBERS_11 " 12";
    const size_t before = strlen(HEAD FRAME);
    const char *error = "file.txt:3: the line is longer than 255 characters";

    memset(text + strlen(text), ' ', 300);
    memcpy(text + before + 255, "\n", 2);
    CHECK(taken(text) == 1);
    memcpy(text + before + 255, " \n", 3);
    CHECK(refused(text, error));
    memcpy(text + before + 255, "1", 2);
    CHECK(refused(text, error));
    memset(text, '#', 256);
    memcpy(text + 256, "\n", 2);
    CHECK(refused(text, "file.txt:1: the line is longer than 255 characters"));
}

static void a_nul_byte_is_refused(void)
{
    static const char text[] = HEAD "1 2\0 3\n";
    utterance_reader reader;

    CHECK(read_bytes(&reader, text, sizeof text - 1) == UTTERANCE_REFUSED);
    CHECK(strcmp(reader.error,
                 "file.txt:2: the line holds a NUL byte: not a text file") == 0);
}

static void a_line_of_numbers_is_read_by_itself(void)
{
    static const char text[] = "# nine or three\n0.25 0.5 0.25\n1 2\n";
    static const float want[3] = {0.25f, 0.5f, 0.25f};
    utterance_reader reader;
    FILE *file = open_bytes(&reader, text, strlen(text));
    float numbers[3];

    CHECK(utterance_read_numbers(&reader, numbers, 3) == UTTERANCE_READ);
    CHECK_BITS(numbers, want, 3);
    CHECK(utterance_read_numbers(&reader, numbers, 3) == UTTERANCE_REFUSED);
    CHECK(strcmp(reader.error, "file.txt:3: found 2 numbers, wanted 3") == 0);
    CHECK(utterance_read_numbers(&reader, numbers, 3) == UTTERANCE_END);
    fclose(file);
}

static void a_long_file_name_is_cut_in_the_message(void)
{
    char name[1000];
    utterance_reader reader;
    FILE *file = open_bytes(&reader, "x\n", 2);
    utterance u;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    reader.name = name;
    CHECK(utterance_read(&reader, &u) == UTTERANCE_REFUSED);
    CHECK(strlen(reader.error) < 300);
    CHECK(strstr(reader.error, ":1: wanted a line like") != NULL);
    fclose(file);
}

int main(void)
{
    RUN(an_utterance_is_read_as_it_is_written);
    RUN(an_empty_file_and_comments_alone_are_over_at_once);
    RUN(line_ends_of_windows_tabs_and_spaces_are_taken);
    RUN(the_longest_utterance_is_taken);
    RUN(too_few_numbers_are_refused);
    RUN(too_many_numbers_are_refused);
    RUN(comments_count_as_lines);
    RUN(what_is_no_number_is_refused);
    RUN(nan_and_infinity_are_refused);
    RUN(a_header_that_is_none_is_refused);
    RUN(a_speaker_that_does_not_exist_is_refused);
    RUN(an_absurd_number_of_frames_is_refused);
    RUN(utterances_out_of_order_are_refused);
    RUN(more_frames_than_announced_are_refused);
    RUN(fewer_frames_than_announced_are_refused);
    RUN(a_file_that_ends_within_an_utterance_is_refused);
    RUN(a_file_that_ends_within_a_line_is_refused);
    RUN(a_line_of_255_characters_is_taken_and_one_of_256_is_refused);
    RUN(a_nul_byte_is_refused);
    RUN(a_line_of_numbers_is_read_by_itself);
    RUN(a_long_file_name_is_cut_in_the_message);
    return check_report();
}
