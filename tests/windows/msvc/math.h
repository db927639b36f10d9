#ifndef MSVC_MATH_H
#define MSVC_MATH_H
#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#define HUGE_VAL __builtin_inf()
static inline double fabs(double x)
{
    return __builtin_fabs(x);
}
static inline float fabsf(float x)
{
    return __builtin_fabsf(x);
}
#define isnan(x) ((x) != (x))
#endif
