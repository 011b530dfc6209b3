// Finds the loudest frequency in what an AnalyserNode hears.

const SILENCE_DB = -80;
const LOWEST_HZ = 50; // below is hum and what the window leaks from a constant offset

/** The peak in Hz, finer than one bin by a parabola through the peak's three decibel values; null in silence. */
export function peakHz(analyser) {
  const decibels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(decibels);
  const binHz = analyser.context.sampleRate / analyser.fftSize;
  let peak = Math.ceil(LOWEST_HZ / binHz);
  for (let bin = peak; bin < decibels.length - 1; bin += 1) {
    if (decibels[bin] > decibels[peak]) peak = bin;
  }
  if (!(decibels[peak] > SILENCE_DB)) return null;
  const [left, middle, right] = [decibels[peak - 1], decibels[peak], decibels[peak + 1]];
  const curvature = left - 2 * middle + right;
  const offset = curvature === 0 ? 0 : (left - right) / (2 * curvature);
  return (peak + offset) * binHz;
}
