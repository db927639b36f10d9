#!/bin/sh
# data.sh VOWELS.txt RIFF.wav >data.h - the recordings of the page: the first two utterances of
# each of the nine speakers, and the samples of the riff (16-bit PCM behind 44 bytes of header).
set -eu
awk '
BEGIN {
    print "/* Made by examples/web/data.sh from vowels_test.txt (Japanese Vowels: M. Kudo, J. Toyama,"
    print " * M. Shimbo, UCI Machine Learning Repository, CC BY 4.0) and from riff.wav. */"
    print "static const float recorded_frames[][12] = {"
}
/^#/ { next }
$1 == "utterance" {
    wanted = ++of_speaker[$4] <= 2
    if (wanted) {
        count++
        lengths = lengths $6 ", "
        speakers = speakers $4 ", "
    }
    next
}
wanted {
    row = ""
    for (k = 1; k <= NF; k++) {
        row = row (k > 1 ? ", " : "") $k ($k ~ /[.e]/ ? "f" : ".0f")
    }
    print "    {" row "},"
}
END {
    print "};"
    print "enum { RECORDED_UTTERANCES = " count " };"
    print "static const unsigned char recorded_lengths[RECORDED_UTTERANCES] = {" lengths "};"
    print "static const unsigned char recorded_speakers[RECORDED_UTTERANCES] = {" speakers "};"
}' "$1"
bytes=$(wc -c <"$2")
echo "enum { RIFF_SAMPLES = $(((bytes - 44) / 2)) };"
echo "static const short riff_words[RIFF_SAMPLES] = {"
tail -c +45 "$2" | od -An -v -td2 --endian=little -w32 | sed 's/  */, /g; s/^, //; s/$/,/'
echo "};"
