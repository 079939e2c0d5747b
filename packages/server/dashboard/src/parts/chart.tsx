import uPlot from 'uplot';
import { useEffect, useRef } from 'preact/hooks';

export interface Line {
  readonly label: string;
  /** Name of a colour of the style sheet. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
}

export interface ChartProps {
  readonly title: string;
  /** What a person who does not see the picture should know. */
  readonly summary: string;
  readonly lines: readonly Line[];
  /** Of each value, the round. */
  readonly rounds: readonly number[];
  readonly figure: (value: number) => string;
  readonly from?: number;
}

const HEIGHT = 210;

/** Curves by round. */
export function Chart({ title, summary, lines, rounds, figure, from }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      stroke: colour('quiet-ink'),
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const plot = new uPlot(
      {
        width: Math.max(element.clientWidth, 200),
        height: HEIGHT,
        scales: {
          x: { time: false },
          y:
            from === undefined
              ? {}
              : { range: (_, __, most) => [from, most > from ? most * 1.05 : from + 1] },
        },
        axes: [axis, { ...axis, size: 56, values: (_, values) => values.map(figure) }],
        series: [
          { label: 'round' },
          ...lines.map((line) => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 2,
            ...(line.dashed === true && { dash: [6, 4] }),
            points: { show: rounds.length < 30 && line.dashed !== true },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : figure(value)),
          })),
        ],
      },
      [rounds.slice(), ...lines.map(({ values }) => values.slice())],
      element,
    );
    const watch = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(element.clientWidth, 200), height: HEIGHT }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [lines, rounds, figure, from]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={holder} role="img" aria-label={`${title}: ${summary}`} />
    </figure>
  );
}
