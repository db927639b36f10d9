# recordings.awk - makes recordings.h of examples/speakers/vowels_test.txt:
#     awk -f recordings.awk vowels_test.txt > recordings.h
BEGIN {
    print "/* Made by recordings.awk of vowels_test.txt, the 370 test utterances of the"
    print " * Japanese Vowels set: M. Kudo, J. Toyama, M. Shimbo, UCI Machine Learning"
    print " * Repository, CC BY 4.0. */"
    print "static const float recorded_frames[][12] = {"
}
/^#/ { next }
$1 == "utterance" {
    lengths = lengths (utterances++ % 16 ? " " : "\n    ") $6 ","
    next
}
{
    row = ""
    for (k = 1; k <= NF; k++) {
        row = row (k > 1 ? ", " : "") $k ($k ~ /[.e]/ ? "f" : ".0f")
    }
    print "    {" row "},"
}
END {
    print "};"
    print "enum { RECORDED_UTTERANCES = " utterances + 0 " };"
    print "static const unsigned char recorded_lengths[RECORDED_UTTERANCES] = {" lengths
    print "};"
}
