/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index; these loops are where the time goes */
import type { Activation } from '@tutti/shared/learning';

/**
 * Dense algebra on row-major typed arrays. Four terms are added per pass over an output row, which reads and writes it four
 * times less often: about twice the speed of the plain loops. No kernel allocates.
 */

/** `out[b, o] = bias[o] + sum over i of x[b, i] * kernel[i, o]`, for `rows` rows. */
export function affine(
  x: Float32Array,
  kernel: Float32Array,
  bias: Float32Array,
  out: Float32Array,
  rows: number,
): void {
  const units = bias.length;
  const inputs = kernel.length / units;
  for (let b = 0; b < rows; b++) {
    const xAt = b * inputs;
    const outAt = b * units;
    for (let o = 0; o < units; o++) out[outAt + o] = bias[o]!;
    let i = 0;
    for (; i + 3 < inputs; i += 4) {
      const x0 = x[xAt + i]!;
      const x1 = x[xAt + i + 1]!;
      const x2 = x[xAt + i + 2]!;
      const x3 = x[xAt + i + 3]!;
      if (x0 === 0 && x1 === 0 && x2 === 0 && x3 === 0) continue;
      const k0 = i * units;
      const k1 = k0 + units;
      const k2 = k1 + units;
      const k3 = k2 + units;
      for (let o = 0; o < units; o++) {
        out[outAt + o]! +=
          x0 * kernel[k0 + o]! + x1 * kernel[k1 + o]! + x2 * kernel[k2 + o]! + x3 * kernel[k3 + o]!;
      }
    }
    for (; i < inputs; i++) {
      const x0 = x[xAt + i]!;
      const k0 = i * units;
      for (let o = 0; o < units; o++) out[outAt + o]! += x0 * kernel[k0 + o]!;
    }
  }
}

/** `gradient[i, o] = sum over b of x[b, i] * delta[b, o]`, for `rows` rows. */
export function kernelGradient(
  x: Float32Array,
  delta: Float32Array,
  gradient: Float32Array,
  rows: number,
  units: number,
): void {
  const inputs = gradient.length / units;
  gradient.fill(0);
  let b = 0;
  for (; b + 3 < rows; b += 4) {
    const d0 = b * units;
    const d1 = d0 + units;
    const d2 = d1 + units;
    const d3 = d2 + units;
    for (let i = 0; i < inputs; i++) {
      const xAt = b * inputs + i;
      const x0 = x[xAt]!;
      const x1 = x[xAt + inputs]!;
      const x2 = x[xAt + 2 * inputs]!;
      const x3 = x[xAt + 3 * inputs]!;
      if (x0 === 0 && x1 === 0 && x2 === 0 && x3 === 0) continue;
      const at = i * units;
      for (let o = 0; o < units; o++) {
        gradient[at + o]! +=
          x0 * delta[d0 + o]! + x1 * delta[d1 + o]! + x2 * delta[d2 + o]! + x3 * delta[d3 + o]!;
      }
    }
  }
  for (; b < rows; b++) {
    const d0 = b * units;
    for (let i = 0; i < inputs; i++) {
      const x0 = x[b * inputs + i]!;
      if (x0 === 0) continue;
      const at = i * units;
      for (let o = 0; o < units; o++) gradient[at + o]! += x0 * delta[d0 + o]!;
    }
  }
}

/** `gradient[o] = sum over b of delta[b, o]`, for `rows` rows. */
export function biasGradient(delta: Float32Array, gradient: Float32Array, rows: number): void {
  const units = gradient.length;
  gradient.fill(0);
  for (let b = 0; b < rows; b++) {
    const at = b * units;
    for (let o = 0; o < units; o++) gradient[o]! += delta[at + o]!;
  }
}

/** `out[b, i] = sum over o of delta[b, o] * kernel[i, o]`, for `rows` rows. */
export function inputGradient(
  delta: Float32Array,
  kernel: Float32Array,
  out: Float32Array,
  rows: number,
  units: number,
): void {
  const inputs = kernel.length / units;
  for (let b = 0; b < rows; b++) {
    const dAt = b * units;
    const outAt = b * inputs;
    let i = 0;
    for (; i + 3 < inputs; i += 4) {
      const k0 = i * units;
      const k1 = k0 + units;
      const k2 = k1 + units;
      const k3 = k2 + units;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let o = 0; o < units; o++) {
        const d = delta[dAt + o]!;
        s0 += d * kernel[k0 + o]!;
        s1 += d * kernel[k1 + o]!;
        s2 += d * kernel[k2 + o]!;
        s3 += d * kernel[k3 + o]!;
      }
      out[outAt + i] = s0;
      out[outAt + i + 1] = s1;
      out[outAt + i + 2] = s2;
      out[outAt + i + 3] = s3;
    }
    for (; i < inputs; i++) {
      const k0 = i * units;
      let sum = 0;
      for (let o = 0; o < units; o++) sum += delta[dAt + o]! * kernel[k0 + o]!;
      out[outAt + i] = sum;
    }
  }
}

/** Applies the activation to the first `length` values, in place. */
export function activate(activation: Activation, values: Float32Array, length: number): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      for (let at = 0; at < length; at++) if (values[at]! < 0) values[at] = 0;
      return;
    case 'tanh':
      for (let at = 0; at < length; at++) values[at] = Math.tanh(values[at]!);
      return;
    case 'sigmoid':
      for (let at = 0; at < length; at++) values[at] = 1 / (1 + Math.exp(-values[at]!));
      return;
  }
}

/** Multiplies `delta` by the derivative of the activation, given the activation's *outputs*, in place. */
export function activationGradient(
  activation: Activation,
  outputs: Float32Array,
  delta: Float32Array,
  length: number,
): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      for (let at = 0; at < length; at++) if (outputs[at]! <= 0) delta[at] = 0;
      return;
    case 'tanh':
      for (let at = 0; at < length; at++) delta[at]! *= 1 - outputs[at]! ** 2;
      return;
    case 'sigmoid':
      for (let at = 0; at < length; at++) delta[at]! *= outputs[at]! * (1 - outputs[at]!);
      return;
  }
}

/** Turns `rows` rows of logits into probabilities, in place. */
export function softmax(logits: Float32Array, rows: number, classes: number): void {
  for (let b = 0; b < rows; b++) {
    const at = b * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) if (logits[at + c]! > largest) largest = logits[at + c]!;
    let total = 0;
    for (let c = 0; c < classes; c++) {
      const value = Math.exp(logits[at + c]! - largest);
      logits[at + c] = value;
      total += value;
    }
    for (let c = 0; c < classes; c++) logits[at + c]! /= total;
  }
}
