/* main.c - runs scenarios: schedules by chance until the wanted number of different
 * ones was seen, then every schedule within a bound. SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

struct weave_explorer *explorer;

enum { BOUND_OF_TWO = 3, BOUND_OF_MORE = 2, BOUND_OF_ALL = 14 };

static struct {
    uint64_t seed;
    size_t schedules;
    double seconds; /* for one scenario */
    double two;     /* for the search of one with two threads, if that is more */
    unsigned bound, jobs;
    bool list, no_random, compare;
    enum weave_report report;
    const char *replay;
} want = {.schedules = 20000, .seconds = 20, .jobs = 1, .report = WEAVE_TAIL};

/* Of all jobs together. */
static struct tally {
    unsigned scenarios, enough, two, whole;
} * tally;

/* Registered before the snapshot, by name. */
enum { SCENARIOS = 512 };
static const struct weave_scenario *scenario[SCENARIOS];
static unsigned scenarios;

void weave_register(const struct weave_scenario *s)
{
    unsigned i = scenarios++;
    if (i == SCENARIOS)
        abort();
    for (; i > 0 && strcmp(scenario[i - 1]->name, s->name) > 0; i--)
        scenario[i] = scenario[i - 1];
    scenario[i] = s;
}

/* --- one execution --- */

static void *actor_main(void *arg)
{
    explorer->scenario->actor((unsigned)(uintptr_t)arg);
    return NULL;
}

void *weave_scenario_main(void *arg)
{
    const struct weave_scenario *s = arg;
    if (s->setup)
        s->setup();
    weave_drain(weave_me);
    for (unsigned i = 0; i < s->actors; i++)
        (void)weave_thread_new(actor_main, (void *)(uintptr_t)i, (int)i);
    weave->active = true;
    if (!explorer->by_seed && !explorer->every)
        weave_state_begin();
    weave_me->state = WEAVE_REST;
    weave_leave();
    weave->active = weave->states = false;
    weave_drain_all();
    if (explorer->digests)
        explorer->digest = weave_snapshot_digest() ^ weave_host_digest();
    if (s->check)
        s->check();
    return NULL;
}

bool weave_scenario_once(const struct weave_policy *policy)
{
    explorer->executions++;
    explorer->by_seed = policy == &weave_random;
    explorer->known_state = false;
    bool ok = weave_execute(policy, weave_scenario_main,
                            (void *)(uintptr_t)explorer->scenario);
    if (weave->threads > explorer->threads + 1) /* the first only waits for them */
        explorer->threads = weave->threads - 1;
    return ok;
}

unsigned weave_choose(unsigned n)
{
    weave_point();
    unsigned i = weave->policy->choose(n);
    if (weave->states)
        weave_state_learn(i);
    return i;
}

unsigned weave_self(void)
{
    return (unsigned)weave_me->actor;
}

unsigned long weave_step(void)
{
    weave_point();
    if (weave->states) { /* the answer tells which calls were before */
        weave_state_read((uintptr_t)&weave->answers, sizeof(weave->answers));
        weave_state_write((uintptr_t)&weave->answers, sizeof(weave->answers));
    }
    return ++weave->answers;
}

/* --- searches --- */

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

struct outcome {
    uint64_t executions;
    double begin, chosen; /* CPU time at its begin, after the choices by chance */
    int complete; /* the largest bound whose schedules were all seen, or -1 */
    bool all;     /* there are no schedules with more deviations */
    bool failed;
};

/* As many deviations as are worth it; known once the threads were counted. */
static unsigned highest(void)
{
    const struct weave_scenario *s = explorer->scenario;
    if (want.bound)
        return want.bound;
    if (explorer->threads <= 2)
        return BOUND_OF_TWO;
    return s->bound ? s->bound : BOUND_OF_MORE;
}

/* Who has too few schedules yet goes on with more deviations. */
static bool goes_on(const struct outcome *o, unsigned bound)
{
    bool few = !want.bound && explorer->schedules.used < want.schedules;
    return !o->all && bound <= (few ? BOUND_OF_ALL : highest());
}

/* Of more than two threads their number is what is wanted; with that the search goes on a
 * little. */
static bool out_of_time(const struct outcome *o, unsigned bound)
{
    bool two = explorer->threads <= 2;
    double t = now();
    if (two && bound <= highest() && want.two > want.seconds)
        return t > o->begin + want.two;
    if (!two && explorer->schedules.used >= want.schedules &&
        t > o->chosen + want.seconds / 4)
        return true;
    return t > o->begin + want.seconds;
}

/* All of a bound. False: something failed, or the time is over. */
static bool search(struct outcome *o, unsigned bound)
{
    weave_exhaust_begin(bound);
    do {
        o->executions++;
        if (!weave_scenario_once(&weave_exhaust)) {
            o->failed = true;
            weave_report(want.report);
            return false;
        }
        if (!explorer->known_state)
            (void)weave_is_new(weave->hash);
        if (o->executions % 256 == 0 && out_of_time(o, bound))
            return false;
        if (o->all && explorer->schedules.used >= want.schedules)
            return true; /* it was for their number */
    } while (weave_exhaust_next());
    return true;
}

static void exhaust(struct outcome *o)
{
    for (unsigned bound = 0; goes_on(o, bound) && search(o, bound); bound++) {
        o->complete = (int)bound;
        o->all = !explorer->cut;
    }
}

/* Each by itself, for their number. */
static void count_all(struct outcome *o)
{
    bool every = explorer->every;
    explorer->every = true;
    (void)search(o, (unsigned)o->complete);
    explorer->every = every;
}

/* Until there are enough, or few that it finds are new: not one in sixteen of the latter
 * half. */
static void by_chance(struct outcome *o)
{
    size_t before = 0;
    double until = o->begin + want.seconds * 3 / 4;
    for (uint64_t i = 0; explorer->schedules.used < want.schedules; i++) {
        o->executions++;
        weave_random_seed(want.seed + i);
        if (!weave_scenario_once(&weave_random)) {
            o->failed = true;
            weave_report(want.report);
            return;
        }
        (void)weave_is_new(weave->hash);
        if (i % 256 == 0 && now() > until)
            return;
        if (i < 1024 || (i & (i - 1)) != 0)
            continue;
        if (explorer->schedules.used - before < i / 32)
            return;
        before = explorer->schedules.used;
    }
}

static void add(unsigned *n, bool one)
{
    (void)__atomic_fetch_add(n, one, __ATOMIC_RELAXED);
}

static void count(const struct outcome *o)
{
    bool two = explorer->threads <= 2;
    add(&tally->scenarios, true);
    add(&tally->enough, o->all || explorer->schedules.used >= want.schedules);
    add(&tally->two, two);
    add(&tally->whole, two && (o->all || o->complete >= BOUND_OF_TWO));
}

static void sum_up(void)
{
    printf("%u scenarios, %u with the wanted number of schedules or all that exist; of "
           "%u with two threads %u were searched to %d\n",
           tally->scenarios, tally->enough, tally->two, tally->whole, BOUND_OF_TWO);
}

static bool run_broken(const struct weave_scenario *s)
{
    uint64_t executions = 0;
    bool ok = weave_self_found(s, &executions);
    printf("%-52s found after %llu  %s\n", s->name, (unsigned long long)executions,
           ok ? "ok" : "FAILED");
    return ok;
}

static bool run(const struct weave_scenario *s)
{
    struct outcome o = {.complete = -1, .begin = now()};
    explorer->scenario = s;
    weave_forget();
    if (s->broken)
        return run_broken(s);
    if (want.compare)
        return weave_self_complete(s, want.bound ? want.bound : BOUND_OF_MORE);
    if (!weave_self_same(want.seed))
        o.failed = true;
    if (!o.failed && !want.no_random)
        by_chance(&o);
    o.chosen = now();
    if (!o.failed)
        exhaust(&o);
    if (!o.failed && o.all && explorer->schedules.used < want.schedules)
        count_all(&o);
    count(&o);
    double spent = now() - o.begin;
    char all[32];
    (void)snprintf(all, sizeof(all),
                   o.all            ? "all"
                   : o.complete < 0 ? "-"
                                    : "all to %d",
                   o.complete);
    const char *word = o.failed                                     ? "FAILED"
                       : explorer->schedules.used >= want.schedules ? "ok"
                       : o.all                                      ? "ok, exhausted"
                               : "ok, fewer than wanted";
    double rate = (double)o.executions / (spent > 1e-3 ? spent : 1e-3);
    printf("%-52s %2u threads %9zu schedules, %-9s %7.0f/s %5.1f s  %s\n", s->name,
           explorer->threads, explorer->schedules.used, all, rate, spent, word);
    fflush(stdout);
    return !o.failed;
}

static bool replay(const struct weave_scenario *s)
{
    explorer->scenario = s;
    bool by_seed = want.replay[0] == 'r';
    if (by_seed)
        weave_random_seed(strtoull(want.replay + 1, NULL, 10));
    else
        weave_report_parse(want.replay);
    weave->tracing = true;
    bool ok = weave_scenario_once(by_seed ? &weave_random : &weave_exhaust);
    weave_report_trace(true);
    printf("%s: %s\n", s->name, ok ? "ok" : weave->message);
    return ok;
}

/* --- the program --- */

static void *outside(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static void prepare(void)
{
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        abort();
    const size_t ARENA = (size_t)4 << 30; /* touched in part */
    weave = outside(sizeof(*weave));
    explorer = outside(sizeof(*explorer));
    weave->arena_bytes = ARENA;
    weave->arena = outside(ARENA);
    weave->dead = outside(ARENA / 16 / 8);
    weave->stacks = outside((size_t)WEAVE_THREADS * WEAVE_STACK);
    weave->trace = outside(sizeof(*weave->trace) * WEAVE_TRACE);
}

static void options(int argc, char **argv)
{
    static const struct option o[] = {
        {"seed", 1, NULL, 's'},    {"schedules", 1, NULL, 'n'},
        {"seconds", 1, NULL, 't'}, {"jobs", 1, NULL, 'j'},
        {"bound", 1, NULL, 'b'},   {"trace", 0, NULL, 'T'},
        {"replay", 1, NULL, 'r'},  {"brief", 0, NULL, 'q'},
        {"list", 0, NULL, 'l'},    {"no-random", 0, NULL, 'x'},
        {"every", 0, NULL, 'e'},   {"compare", 0, NULL, 'c'},
        {"two", 1, NULL, '2'},     {NULL, 0, NULL, 0}};
    const char *env = getenv("LEAT_SEED");
    want.seed = env ? strtoull(env, NULL, 10) : (uint64_t)time(NULL);
    for (int c; (c = getopt_long(argc, argv, "", o, NULL)) != -1;) {
        switch (c) {
        case 's':
            want.seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            want.schedules = strtoull(optarg, NULL, 10);
            break;
        case 't':
            want.seconds = atof(optarg);
            break;
        case 'b':
            want.bound = (unsigned)atoi(optarg);
            break;
        case 'j':
            want.jobs = (unsigned)atoi(optarg);
            break;
        case 'T':
            want.report = WEAVE_WHOLE;
            break;
        case 'r':
            want.replay = optarg;
            break;
        case 'q':
            want.report = WEAVE_BRIEF;
            break;
        case 'l':
            want.list = true;
            break;
        case '2':
            want.two = atof(optarg);
            break;
        case 'c':
            want.compare = true;
            break;
        case 'e':
            explorer->every = true;
            break;
        case 'x':
            want.no_random = true;
            break;
        default:
            fprintf(stderr,
                    "usage: %s [--seed N] [--schedules N] [--seconds S] [--two S] "
                    "[--bound K] "
                    "[--jobs N]"
                    " [--trace | --brief] [--replay STRING] [--list] [REGEX]\n",
                    argv[0]);
            exit(2);
        }
    }
}

/* With jobs: each process takes every jobs-th scenario. The parent gets `jobs`. */
static unsigned share(void)
{
    if (want.jobs <= 1 || want.list || want.replay) {
        want.jobs = 1;
        return 0;
    }
    for (unsigned i = 0; i < want.jobs; i++) {
        pid_t pid = fork();
        if (pid < 0)
            abort();
        if (pid == 0)
            return i;
    }
    return want.jobs;
}

static int children(void)
{
    int status, bad = 0;
    while (wait(&status) > 0)
        bad |= status != 0;
    return bad;
}

static int some(const regex_t *re, unsigned part)
{
    unsigned failed = 0, ran = 0;
    for (unsigned i = 0; i < scenarios; i++) {
        const struct weave_scenario *s = scenario[i];
        if (regexec(re, s->name, 0, NULL, 0) != 0 || ran++ % want.jobs != part)
            continue;
        if (want.list)
            printf("%s\n", s->name);
        else
            failed += !(want.replay ? replay(s) : run(s));
        if (failed && want.report == WEAVE_BRIEF)
            break; /* one is enough */
    }
    if (ran == 0)
        fprintf(stderr, "no scenario of that name\n");
    return failed || ran == 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    regex_t re;
    /* Addresses decide nothing, but equal ones make traces equal. */
    if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE) &&
        personality(ADDR_NO_RANDOMIZE) != -1)
        execv("/proc/self/exe", argv);
    prepare();
    options(argc, argv);
    if (regcomp(&re, optind < argc ? argv[optind] : ".", REG_EXTENDED | REG_NOSUB) !=
        0) {
        fprintf(stderr, "not a regular expression: %s\n", argv[optind]);
        return 2;
    }
    weave_report_prepare();
    printf("LEAT_SEED=%llu\n", (unsigned long long)want.seed);
    fflush(stdout);
    weave_state_prepare();
    weave_snapshot_take();
    unsigned part = share();
    int bad = part == want.jobs ? children() : some(&re, part);
    if (tally->scenarios && (part == want.jobs || want.jobs == 1))
        sum_up();
    return bad;
}
