/* global document, window, matchMedia, getComputedStyle, ResizeObserver, uPlot */
(() => {
  'use strict';

  const { rounds, charts } = JSON.parse(document.getElementById('charts').textContent);
  const height = 230;
  const positions = rounds.map((_, index) => index);
  const last = positions.length - 1;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const translucent = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;

  const formats = {
    percent: (value) => `${(value * 100).toFixed(1)} %`,
    number: (value) => value.toFixed(2),
    count: (value) => String(Math.round(value)),
    seconds: (value) => `${value.toFixed(2)} s`,
  };
  const tickFormats = {
    percent: (value) => `${Math.round(value * 100)} %`,
    number: (value) => String(Number(value.toPrecision(6))),
    count: (value) => String(value),
    seconds: (value) => `${Number(value.toPrecision(3))} s`,
  };

  /** Layers of a stack as heights of their upper edges, the topmost layer first, so that lower ones are painted over it. */
  function stacked(series) {
    const edges = [];
    let below = positions.map(() => 0);
    for (const { values } of series) {
      below = below.map((sum, index) => sum + (values[index] ?? 0));
      edges.push(below);
    }
    return edges.reverse();
  }

  function range({ unit, shape, series }) {
    if (unit === 'percent') return [0, 1];
    const values =
      shape === 'stack'
        ? stacked(series)[0]
        : series.flatMap((one) => one.values.filter((value) => value !== null));
    return [0, Math.max(...values, 1e-9) * 1.06];
  }

  function options(chart, width, showAt) {
    const axis = {
      stroke: colour('quiet-ink'),
      font: '12px system-ui, "Liberation Sans", sans-serif',
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const drawn = chart.shape === 'stack' ? [...chart.series].reverse() : chart.series;
    return {
      width,
      height,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        sync: { key: 'rounds' },
        drag: { x: false, y: false },
        points: { show: chart.shape === 'curves' },
      },
      scales: {
        x: {
          time: false,
          range: () => (chart.shape === 'stack' || last < 1 ? [-0.6, last + 0.6] : [0, last]),
        },
        y: { range: () => range(chart) },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          gap: 6,
          splits: () => ticks(),
          values: (_, at) => at.map((index) => rounds[index] ?? ''),
        },
        { ...axis, size: 54, gap: 8, values: (_, at) => at.map(tickFormats[chart.unit]) },
      ],
      series: [{}, ...drawn.map((one) => styleOf(chart, one))],
      hooks: { setCursor: [(plot) => showAt(plot.cursor.idx ?? last)] },
    };
  }

  /** About eight rounds to name under the axis: the first, and then every so many. */
  function ticks() {
    const step =
      [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((size) => positions.length / size <= 8) ??
      10000;
    return positions.filter(
      (index) => index === 0 || (rounds[index] % step === 0 && rounds[index] !== rounds[index - 1]),
    );
  }

  function styleOf({ shape, series }, { label, colour: name, bound }) {
    if (shape === 'stack') {
      return {
        label,
        fill: colour(name),
        stroke: colour('card'),
        width: positions.length > 150 ? 0 : 0.5,
        points: { show: false },
        paths: uPlot.paths.bars({ size: [0.8, 24] }),
      };
    }
    return {
      label,
      stroke: colour(name),
      width: bound ? 1.5 : 2,
      dash: bound ? [6, 5] : undefined,
      fill: bound || series.length > 2 ? undefined : translucent(name, 10),
      spanGaps: true,
      points: { show: !bound && positions.length < 3 },
    };
  }

  function legend(chart) {
    const list = document.createElement('ul');
    list.className = 'legend';
    const outputs = chart.series.map(({ label, colour: name }) => {
      const item = document.createElement('li');
      const swatch = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      const square = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      for (const [key, value] of [
        ['width', '12'],
        ['height', '10'],
        ['rx', '2'],
        ['fill', `var(--${name})`],
      ]) {
        square.setAttribute(key, value);
      }
      swatch.append(square);
      const output = document.createElement('output');
      item.append(swatch, label, output);
      list.append(item);
      return output;
    });
    const showAt = (index) => {
      chart.series.forEach(({ values }, at) => {
        const value = values[index] ?? null;
        outputs[at].textContent = value === null ? '–' : formats[chart.unit](value);
      });
    };
    showAt(last);
    return { list, showAt };
  }

  const plots = [];

  function draw() {
    for (const { plot, list } of plots.splice(0)) {
      plot.destroy();
      list.remove();
    }
    for (const chart of charts) {
      const place = document.querySelector(`#${chart.id} .plot`);
      const { list, showAt } = legend(chart);
      const values = chart.shape === 'stack' ? stacked(chart.series) : chart.series.map((one) => one.values);
      const plot = new uPlot(options(chart, place.clientWidth, showAt), [positions, ...values], place);
      place.after(list);
      plots.push({ plot, list, place });
    }
  }

  function fit() {
    for (const { plot, place } of plots) {
      if (place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height });
    }
  }

  if (positions.length > 0) {
    draw();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
    matchMedia('print').addEventListener('change', draw);
    new ResizeObserver(fit).observe(document.querySelector('.charts'));
    window.addEventListener('load', fit);
  }
  document.documentElement.dataset.drawn = String(plots.length);
})();
