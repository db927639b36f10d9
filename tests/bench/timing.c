/* timing.c - how time is taken: the least of many short runs, all candidates in turn, so that what
 * else the machine does meets all of them alike. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"

double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* not while another program runs */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of `runs` runs. */
static double run_for(const timed *t, size_t runs)
{
    const double start = seconds();
    for (size_t k = 0; k < runs; k++) {
        t->run(t->data);
    }
    return seconds() - start;
}

void timed_begin(timed *t, void (*run)(void *data), void *data)
{
    t->run = run;
    t->data = data;
    t->best = 1e9;
    t->runs = 1;
    for (double time = run_for(t, 1); time < 1e-4 && t->runs < 1u << 20;) {
        t->runs *= 2;
        time = run_for(t, t->runs);
    }
}

void timed_all(timed *t, size_t count, double seconds_each, int least_turns)
{
    double *used = (double *)calloc(count, sizeof *used);
    int go_on = 1;
    if (used == NULL) {
        exit(2);
    }
    for (int k = 0; go_on; k++) {
        go_on = 0;
        for (size_t e = 0; e < count; e++) {
            if (k < least_turns || used[e] < seconds_each) {
                const double start = seconds();
                double time;
                run_for(&t[e], 1); /* finds another's data in the caches */
                time = run_for(&t[e], t[e].runs) / (double)t[e].runs;
                t[e].best = time < t[e].best ? time : t[e].best;
                used[e] += seconds() - start;
                go_on = 1;
            }
        }
    }
    free(used);
}

static double worst_error(const problem *p, const float *y)
{
    double worst = 0.0;
    for (size_t k = 0; k < p->y_len; k++) {
        const double error = fabs((double)y[k] - p->want[k]);
        worst = error <= worst ? worst : error; /* a NaN stays */
    }
    return worst;
}

int runner_begin(runner *r, const engine *of, const problem *p)
{
    memset(r, 0, sizeof *r);
    r->of = of;
    r->p = p;
    r->state = of->open(p);
    if (r->state == NULL) {
        return 0;
    }
    r->y = new_floats(p->y_len);
    of->run(r->state, r->y);
    r->error = worst_error(p, r->y);
    return 1;
}

void runner_end(runner *r)
{
    r->of->close(r->state);
    free(r->y);
}

void runner_run(void *data)
{
    runner *r = (runner *)data;
    r->of->run(r->state, r->y);
}
