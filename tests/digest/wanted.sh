# Sourced by the scripts that compare digests of tests/digest/digest.c with those of digests.txt.
#   fused  sums of products are fused: the default on CPUs that have it
#   apart  products and sums apart: LSTM_NO_FMA, and CPUs without fused multiply-adds
#   int8   that of tests/digest/digest_int8.c, everywhere
#   here   which of the first two a default build gives on this machine
# shellcheck disable=SC2034
fused=$(sed -n 's/^fused //p' tests/digest/digests.txt)
apart=$(sed -n 's/^apart //p' tests/digest/digests.txt)
# shellcheck disable=SC2034
int8=$(sed -n 's/^int8 //p' tests/digest/digests.txt)
here=$fused
if [ "$(uname -m)" = x86_64 ] && ! { grep -qw fma /proc/cpuinfo && grep -qw avx2 /proc/cpuinfo; }; then
    here=$apart
fi
