// Small statistics. Medians, because one slow run says nothing.

/** The q-quantile (0..1) of numbers, interpolated. NaN for none. */
export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

export function median(numbers) {
  return quantile(numbers, 0.5);
}

/** For what is measured too coarsely for a median; rounded to 0.1. */
export function mean(numbers) {
  return Math.round((10 * numbers.reduce((sum, number) => sum + number, 0)) / numbers.length) / 10;
}

/** What is kept of one series of times (ms). */
export function summary(samples) {
  const round = (value) => Math.round(value * 100) / 100;
  return {
    median: round(median(samples)),
    p10: round(quantile(samples, 0.1)),
    p90: round(quantile(samples, 0.9)),
    p95: round(quantile(samples, 0.95)),
    samples: samples.map(round),
  };
}

/**
 * How much a series of samples has grown, as a share of what it was: the median of the last tenth over that
 * of the third tenth. The first ones are start-up: code is still being compiled, pools filled.
 */
export function growth(samples) {
  const tenth = (n) => samples.slice((samples.length * n) / 10, (samples.length * (n + 1)) / 10);
  return median(tenth(9)) / median(tenth(2)) - 1;
}
