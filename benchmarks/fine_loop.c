/* The estimator and controller of the fine loop in C: what terminal/control/prediction and
   terminal/control/fine compute for a sound loop, for comparison of speed and of results. */
#include <math.h>
#include <string.h>

#define AXES 2
#define TAPS 120
#define MOST_DELAY 40
#define LAGS (TAPS + MOST_DELAY + 1)
#define WINDOWS 2
#define EXPERTS 5
#define KEPT (TAPS + MOST_DELAY + LAGS)
#define TAPE (16 * KEPT)
#define RING 64

static struct {
    long tick, place, delay, rows_a_tick, stage, axis, window, row, top;
    double forget[WINDOWS], forget_error, gain[2], ridge;
    long seen[AXES];
    double level[AXES], tape[AXES][TAPE], sums[AXES][WINDOWS][LAGS];
    double ahead[AXES][WINDOWS][TAPS], next[AXES][WINDOWS][TAPS];
    double total[AXES][WINDOWS], constant[AXES][WINDOWS][2];
    long jumps[AXES], spikes[AXES], waiting[AXES];
    double jumped[AXES];
    long learned[AXES][WINDOWS];
    double steered[AXES][2], track[AXES][2], made[AXES][EXPERTS + 1][RING], expected[AXES];
    double loss[AXES][EXPERTS], square[AXES], weight[AXES];
    double totals[LAGS], ticks, lags[LAGS], copy[KEPT], matrix[TAPS][TAPS + 2];
    double place_rad[AXES], speed[AXES], placed[AXES][RING], spot_rad, counts_per_rad, m[8], to[2][2], from[2][2];
} s;

static void older(void) {
    long used = TAPS + s.delay + 1;
    double *v = s.copy + s.top - LAGS + 1, newest = v[LAGS - 1], per = 1.0 / s.forget[s.window];
    for (long j = LAGS - used; j < LAGS; j++) s.lags[j] = (s.lags[j] - newest * v[j]) * per;
    s.top--;
}

static void turn(void) {
    s.stage = 0;
    if (++s.axis == AXES) { s.axis = 0; s.window = (s.window + 1) % WINDOWS; }
}

static void learn(void) {
    for (long r = 0; r < s.rows_a_tick; r++) {
        long a = s.axis, w = s.window;
        if (s.stage == 0) {
            if (s.seen[a] < 2 * LAGS || s.weight[a] <= 0.0) { turn(); continue; }
            memcpy(s.copy, &s.tape[a][s.place - KEPT + 1], sizeof s.copy);
            s.top = KEPT - 1;
            memcpy(s.lags, s.sums[a][w], sizeof s.lags);
            double g = s.forget[w];
            long d = s.delay;
            s.totals[0] = s.total[a][w];
            for (long j = 0; j < TAPS + d; j++) s.totals[j + 1] = (s.totals[j] - s.copy[KEPT - 1 - j]) / g;
            s.ticks = (1.0 - pow(g, s.tick + 1)) / (1.0 - g);
            for (int i = 0; i < TAPS; i++)
                s.matrix[i][TAPS] = s.lags[LAGS - 1 - d - i] - s.totals[0] * s.totals[d + i] / s.ticks;
            for (long n = 1; n < d; n++) older();
            for (int i = 0; i < TAPS; i++)
                s.matrix[i][TAPS + 1] = s.lags[LAGS - 2 - i] - s.totals[d - 1] * s.totals[d + i] / s.ticks;
            older();
            s.ridge = 0.01 * s.ticks * s.square[a] / s.weight[a];
            s.row = 0; s.stage = 1;
        } else if (s.stage == 1) {
            for (int n = 0; n < 8; n++) {
                double share = s.totals[s.delay + s.row] / s.ticks;
                for (long j = s.row; j < TAPS; j++)
                    s.matrix[s.row][j] = s.lags[LAGS - 1 - j + s.row] - share * s.totals[s.delay + j];
                s.matrix[s.row][s.row] += s.ridge;
                older();
                if (++s.row == TAPS) { s.row = 0; s.stage = 2; break; }
            }
        } else if (s.stage == 2) {
            double *top = s.matrix[s.row];
            if (!(top[s.row] > 0.0)) { turn(); continue; }
            for (long i = s.row + 1; i < TAPS; i++) {
                double f = top[i] / top[s.row], *line = s.matrix[i];
                for (long j = i; j < TAPS + 2; j++) line[j] -= f * top[j];
            }
            if (++s.row == TAPS) { s.row = TAPS - 1; s.stage = 3; }
        } else {
            for (int n = 0; n < 8; n++) {
                double *line = s.matrix[s.row], x = line[TAPS], y = line[TAPS + 1];
                for (long j = s.row + 1; j < TAPS; j++) {
                    x -= line[j] * s.matrix[j][TAPS];
                    y -= line[j] * s.matrix[j][TAPS + 1];
                }
                line[TAPS] = x / line[s.row]; line[TAPS + 1] = y / line[s.row];
                if (--s.row < 0) {
                    x = s.totals[0]; y = s.totals[s.delay - 1];
                    for (int i = 0; i < TAPS; i++) {
                        x -= s.matrix[i][TAPS] * s.totals[s.delay + i];
                        y -= s.matrix[i][TAPS + 1] * s.totals[s.delay + i];
                        s.ahead[a][w][TAPS - 1 - i] = s.matrix[i][TAPS];
                        s.next[a][w][TAPS - 1 - i] = s.matrix[i][TAPS + 1];
                    }
                    s.constant[a][w][0] = x / s.ticks; s.constant[a][w][1] = y / s.ticks;
                    s.learned[a][w]++;
                    turn();
                    break;
                }
            }
        }
    }
}

static double weighed(const double *w, const double *v) {
    double a = 0, b = 0, c = 0, d = 0;
    for (int j = 0; j < TAPS; j += 4) {
        a += w[j] * v[j]; b += w[j + 1] * v[j + 1]; c += w[j + 2] * v[j + 2]; d += w[j + 3] * v[j + 3];
    }
    return (a + b) + (c + d);
}

static double largest_square(int a) {
    if (2.0 * s.weight[a] * (1.0 - s.forget_error) <= 1.0) return 1e300;
    return 36.0 * fmax(s.square[a], 1e-300) / s.weight[a];
}

static void see(int a, double value) {
    if (!s.seen[a]) {
        s.level[a] = s.track[a][0] = s.steered[a][0] = s.steered[a][1] = value;
        for (int e = 0; e <= EXPERTS; e++) for (int j = 0; j < RING; j++) s.made[a][e][j] = value;
    } else {
        long now = s.tick & (RING - 1), waited = s.waiting[a];
        double error = value - s.level[a] - s.expected[a], square = error * error;
        double largest = largest_square(a);
        int far = square > largest;
        s.waiting[a] = 0;
        if (waited) s.spikes[a] += !far;
        else if (far && s.spikes[a] > s.jumps[a]) {
            s.waiting[a] = 1;
            s.tape[a][s.place] = s.expected[a];
            s.track[a][0] += s.track[a][1];
            return;
        }
        if (far) {
            if (fabs(error + s.jumped[a]) < 0.5 * fabs(error)) {
                error = -s.jumped[a]; s.jumped[a] = 0; s.jumps[a]--; s.spikes[a]++;
            } else { s.jumped[a] = error; s.jumps[a]++; }
            s.level[a] += error;
            for (int j = 0; j < RING; j++) {
                for (int e = 0; e < WINDOWS; e++) s.made[a][e][j] += error;
                s.made[a][EXPERTS][j] += error;
            }
            square = largest;
        } else s.jumped[a] = 0;
        s.square[a] = s.forget_error * s.square[a] + square;
        s.weight[a] = s.forget_error * s.weight[a] + 1.0;
        for (int e = 0; e < EXPERTS; e++) {
            double off = value - s.made[a][e][now];
            s.loss[a][e] = s.forget_error * s.loss[a][e] + off * off;
        }
        for (int i = 0; i < 2; i++) s.steered[a][i] += s.gain[i] * (value - s.made[a][WINDOWS + i][now]);
    }
    s.seen[a]++;
    s.tape[a][s.place] = value - s.level[a];
    double error = value - s.track[a][0] - s.track[a][1];
    s.track[a][0] += s.track[a][1] + 0.5 * error;
    s.track[a][1] += 0.25 / 1.5 * error;
}

static double foresee(int a) {
    long later = (s.tick + s.delay) & (RING - 1), used = TAPS + s.delay + 1;
    double *tape = &s.tape[a][s.place - LAGS + 1], newest = tape[LAGS - 1];
    for (int w = 0; w < WINDOWS; w++) {
        s.total[a][w] = s.forget[w] * s.total[a][w] + newest;
        for (long j = LAGS - used; j < LAGS; j++)
            s.sums[a][w][j] = s.forget[w] * s.sums[a][w][j] + newest * tape[j];
    }
    tape = &s.tape[a][s.place - TAPS + 1];
    s.expected[a] = tape[TAPS - 1];
    for (int w = 0; w < WINDOWS; w++) {
        if (s.learned[a][w]) {
            s.made[a][w][later] = s.level[a] + s.constant[a][w][0] + weighed(s.ahead[a][w], tape);
            s.expected[a] = s.constant[a][w][1] + weighed(s.next[a][w], tape);
        } else s.made[a][w][later] = s.steered[a][0];
    }
    s.made[a][2][later] = s.steered[a][0]; s.made[a][3][later] = s.steered[a][1];
    s.made[a][4][later] = s.track[a][0] + s.delay * s.track[a][1];
    double least = s.loss[a][0], total = 0, said = 0;
    for (int e = 1; e < EXPERTS; e++) least = fmin(least, s.loss[a][e]);
    double scale = 0.5 * s.weight[a] / fmax(least, 1e-300);
    for (int e = 0; e < EXPERTS; e++) {
        double share = exp((least - s.loss[a][e]) * scale);
        total += share; said += share * s.made[a][e][later];
    }
    return s.made[a][EXPERTS][later] = said / total;
}

void predict(const double *seen, double *out) {
    if (++s.place == TAPE) {
        for (int a = 0; a < AXES; a++) memcpy(s.tape[a], s.tape[a] + TAPE - KEPT, KEPT * sizeof(double));
        s.place = KEPT;
        /* The tape keeps its newest values below `place`. */
    }
    for (int a = 0; a < AXES; a++) see(a, seen[a]);
    for (int a = 0; a < AXES; a++) out[a] = foresee(a);
    learn();
    s.tick++;
}

void start(long delay, double rate_hz, double spot_rad, double counts_per_rad, const double *steering,
           const double *to_command, const double *from_command) {
    memset(&s, 0, sizeof s);
    s.delay = delay; s.place = KEPT;
    s.forget[0] = exp(-1.0 / (0.5 * rate_hz)); s.forget[1] = exp(-1.0 / (6.0 * rate_hz));
    s.forget_error = 1.0 - 1.0 / fmax(200.0, 0.1 * rate_hz);
    double limit = 2.0 * sin(M_PI / (4 * delay - 2));
    s.gain[0] = 0.2 * limit; s.gain[1] = fmin(0.5 * limit, 0.9);
    s.rows_a_tick = rate_hz < 5000.0 ? lround(5000.0 / rate_hz) : 1;
    s.spot_rad = spot_rad; s.counts_per_rad = counts_per_rad;
    memcpy(s.m, steering, sizeof s.m);
    memcpy(s.to, to_command, sizeof s.to);
    memcpy(s.from, from_command, sizeof s.from);
}

/* One tick: counts of a scan in, counts of the mirror out. */
void tick(const short *scan, short *sent) {
    double total = scan[0] + scan[1] + scan[2] + scan[3];
    double share[2] = {(scan[0] + scan[3] - scan[1] - scan[2]) / total,
                       (scan[0] + scan[1] - scan[2] - scan[3]) / total};
    double seen[2], target[2], slope = 2.0 * sqrt(2.0 / M_PI);
    for (int a = 0; a < AXES; a++) {
        double t = share[a] / slope * (1.0 + M_PI * share[a] * share[a] / 12.0);
        for (int n = 0; fabs(share[a]) >= 0.02 && n < 3; n++)
            t -= (erf(sqrt(2.0) * t) - share[a]) / (slope * exp(-2.0 * t * t));
        seen[a] = s.spot_rad * t + s.placed[a][s.tick & (RING - 1)];
    }
    long later = (s.tick + s.delay) & (RING - 1);
    predict(seen, target);
    double u[2], counts[2];
    for (int a = 0; a < AXES; a++)
        u[a] = s.m[6] * (target[a] - s.m[0] * s.place_rad[a] - s.m[1] * s.speed[a]) + s.m[7] * target[a];
    for (int a = 0; a < AXES; a++) {
        double command = (s.to[a][0] * u[0] + s.to[a][1] * u[1]) * s.counts_per_rad;
        counts[a] = rint(fmin(fmax(command, -32767.0), 32767.0));
        sent[a] = (short)counts[a];
    }
    for (int a = 0; a < AXES; a++) {
        double place = s.place_rad[a], speed = s.speed[a];
        double driven = (s.from[a][0] * counts[0] + s.from[a][1] * counts[1]) / s.counts_per_rad;
        s.place_rad[a] = s.m[0] * place + s.m[1] * speed + s.m[4] * driven;
        s.speed[a] = s.m[2] * place + s.m[3] * speed + s.m[5] * driven;
        s.placed[a][later] = s.place_rad[a];
    }
}

/* n ticks on recorded scans (n, 4); nanoseconds are the caller's to take. */
void run(const short *scans, short *sent, long n) {
    for (long k = 0; k < n; k++) tick(scans + 4 * k, sent + 2 * k);
}
