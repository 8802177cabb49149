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
    samples: samples.map(round),
  };
}
