/* worker.c - one engine, linked as ENGINE, for peers.py, which starts it anew for each round:
 *   worker version
 *   worker cases                           name, sizes, ratio to reach
 *   worker prepare DIRECTORY               a file for each case, with the output wanted
 *   worker limits                          what the core can do
 *   worker time DIRECTORY CASE:MILLISECONDS ...
 * `time` prints for each case "CASE SECONDS 0 ERROR", the least time of all runs, or "CASE cannot". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

extern const engine ENGINE;

static void path_of(char *path, size_t size, const char *directory, const char *name)
{
    snprintf(path, size, "%s/%s.bin", directory, name);
}

static int prepare(const char *directory)
{
    for (size_t k = 0; k < PEER_CASES; k++) {
        char path[512];
        problem *p = new_problem(&bench_cases[k], 0);
        compute_in_double(p);
        path_of(path, sizeof path, directory, p->shape.name);
        if (!save_problem(p, path)) {
            return 1;
        }
        free_problem(p);
    }
    return 0;
}

static void time_case(const char *directory, const char *name, double milliseconds)
{
    char path[512];
    const bench_case *a = bench_case_of(name);
    problem *p;
    runner r;
    timed t;
    path_of(path, sizeof path, directory, name);
    p = a == NULL ? NULL : load_problem(a, path);
    if (p == NULL || !runner_begin(&r, &ENGINE, p)) {
        printf("%s cannot\n", name);
        return;
    }
    timed_begin(&t, runner_run, &r);
    timed_all(&t, 1, 1e-3 * milliseconds, 1);
    printf("%s %.9g 0 %.3g\n", name, t.best / (a->is_stream ? (double)a->timesteps : 1.0),
           r.error);
    fflush(stdout);
    runner_end(&r);
    free_problem(p);
}

static void print_cases(void)
{
    for (size_t k = 0; k < PEER_CASES; k++) {
        const bench_case *a = &bench_cases[k];
        printf("%s %lu %lu %lu %lu %lu %d %.2f\n", a->name, (unsigned long)a->batch,
               (unsigned long)a->timesteps, (unsigned long)a->input_dim,
               (unsigned long)a->units, (unsigned long)a->dense_units, a->is_stream,
               a->reach);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "version") == 0) {
        printf("%s\n", ENGINE.version());
    } else if (strcmp(what, "cases") == 0) {
        print_cases();
    } else if (strcmp(what, "limits") == 0) {
        printf("%.0f GFLOP/s, loads from L1 %.0f GB/s\n", machine_peak(),
               machine_load(16u << 10));
    } else if (strcmp(what, "prepare") == 0 && argc == 3) {
        return prepare(argv[2]);
    } else if (strcmp(what, "time") == 0 && argc > 3) {
        for (int k = 3; k < argc; k++) {
            char name[64];
            double milliseconds;
            if (sscanf(argv[k], "%63[^:]:%lf", name, &milliseconds) == 2) {
                time_case(argv[2], name, milliseconds);
            }
        }
    } else {
        fprintf(stderr,
                "worker version | cases | limits | prepare D | time D CASE:MS ...\n");
        return 2;
    }
    return 0;
}
