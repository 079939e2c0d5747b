/** Keeps every fifth row apart, for evaluation: a public rule, the same in every run. */
export function everyFifthApart({ features, labels, count }) {
  const inputs = features.length / count;
  const pick = (keep) => {
    const rows = Array.from(labels.keys()).filter(keep);
    const picked = { features: new Float32Array(rows.length * inputs), labels: new Int32Array(rows.length) };
    rows.forEach((row, at) => {
      picked.features.set(features.subarray(row * inputs, (row + 1) * inputs), at * inputs);
      picked.labels[at] = labels[row];
    });
    return { ...picked, count: rows.length };
  };
  return { train: pick((row) => row % 5 !== 4), heldOut: pick((row) => row % 5 === 4) };
}
