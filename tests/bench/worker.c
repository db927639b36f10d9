/* worker.c - runs engines for peers.py: answers the lines "cases", "engines", "machine",
 * "dump CASE FILE" and "time ENGINE CASE MILLISECONDS". -DENGINES='X(name) ...' lists them. */
#include <stdio.h>
#include <string.h>
#include "bench.h"

#define X(name) extern const engine name;
ENGINES
#undef X
#define X(name) &name,
static const engine *const engines[] = {ENGINES};
enum { ENGINE_COUNT = sizeof engines / sizeof *engines };

static problem *problems[BENCH_CASES];
static runner runners[ENGINE_COUNT][BENCH_CASES];
static timed times[ENGINE_COUNT][BENCH_CASES];

static size_t find_case(const char *name)
{
    for (size_t k = 0; k < BENCH_CASES; k++) {
        if (strcmp(bench_cases[k].name, name) == 0) {
            if (problems[k] == NULL) {
                problems[k] = new_problem(&bench_cases[k], 0);
                compute_in_double(problems[k]);
            }
            return k;
        }
    }
    return BENCH_CASES;
}

/* Weights, Dense weights and x as floats, then the wanted output as doubles. */
static int dump(const problem *p, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t written = 0;
    if (file == NULL) {
        return 0;
    }
    written += fwrite(p->weights, sizeof(float), p->weight_count, file);
    written += fwrite(p->dense_weights, sizeof(float), p->dense_count, file);
    written += fwrite(p->x, sizeof(float), p->x_len, file);
    written += fwrite(p->want, sizeof(double), p->y_len, file);
    return fclose(file) == 0 &&
           written == p->weight_count + p->dense_count + p->x_len + p->y_len;
}

static void answer_time(const char *engine_name, size_t k, double milliseconds)
{
    for (size_t e = 0; e < ENGINE_COUNT; e++) {
        runner *r = &runners[e][k];
        if (strcmp(engines[e]->name, engine_name) != 0) {
            continue;
        }
        if (r->of == NULL) {
            if (!runner_begin(r, engines[e], problems[k])) {
                r->of = NULL;
                break;
            }
            timed_begin(&times[e][k], runner_run, r);
        }
        times[e][k].best = 1e9;
        timed_all(&times[e][k], 1, 1e-3 * milliseconds, 1);
        printf("%.9g 0 %.3g\n",
               times[e][k].best /
                   (r->p->shape.is_stream ? (double)r->p->shape.timesteps : 1.0),
               r->error);
        return;
    }
    printf("cannot run\n");
}

static void answer(const char *line)
{
    char name[64], file[512];
    double milliseconds;
    if (strncmp(line, "cases", 5) == 0) {
        for (size_t k = 0; k < BENCH_CASES; k++) {
            const bench_case *a = &bench_cases[k];
            printf("%s %lu %lu %lu %lu %lu %d\n", a->name, (unsigned long)a->batch,
                   (unsigned long)a->timesteps, (unsigned long)a->input_dim,
                   (unsigned long)a->units, (unsigned long)a->dense_units, a->is_stream);
        }
        printf("end\n");
    } else if (strncmp(line, "engines", 7) == 0) {
        for (size_t e = 0; e < ENGINE_COUNT; e++) {
            printf("%s %s\n", engines[e]->name, engines[e]->version());
        }
        printf("end\n");
    } else if (strncmp(line, "machine", 7) == 0) {
        printf("%.0f GFLOP/s fused, %.0f apart, loads from L1 %.0f GB/s\n",
               machine_peak(), machine_peak_apart(), machine_load(16u << 10));
    } else if (sscanf(line, "dump %63s %511s", name, file) == 2 &&
               find_case(name) < BENCH_CASES) {
        printf("%s\n", dump(problems[find_case(name)], file) ? "done" : "cannot write");
    } else if (sscanf(line, "time %63s %511s %lf", name, file, &milliseconds) == 3 &&
               find_case(file) < BENCH_CASES) {
        answer_time(name, find_case(file), milliseconds);
    } else {
        printf("what?\n");
    }
    fflush(stdout);
}

int main(void)
{
    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer(line);
    }
    return 0;
}
