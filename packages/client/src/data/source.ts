/** A column of a source. */
export interface SourceColumn {
  readonly name: string;
  /** Of a column of vectors: numbers in each, where all have as many. */
  readonly length?: number;
}

/** One row, with the cells that were asked for, in the order in which they were asked for. */
export interface SourceRow {
  /** Where it is, for a person: `line 7`, `row 12`, `cats/3.png`. */
  readonly place: string;
  /** Texts, numbers, arrays of numbers, {@link Picture}s; null or undefined where a cell is missing. */
  readonly cells: readonly unknown[];
}

/**
 * Where rows come from: what a connector of one’s own implements. Rows are read one after the other and never kept, so that a source may be larger
 * than memory.
 */
export interface Source {
  /** Names the source in messages: a path, never a password. */
  readonly name: string;
  columns(): Promise<readonly SourceColumn[]>;
  /**
   * Every row, always in the same order, with these columns and no others: what is not asked for is not to be read.
   * @throws {Refusal} `data.unreadable`, `data.malformed`, `data.ragged`: with the place, and nothing that stands in a cell
   */
  rows(columns: readonly string[]): AsyncIterable<SourceRow>;
  /** What was last changed when, where that can be known cheaply: rows that were read may be used again while it is the same. */
  version?(): Promise<string | undefined>;
}

/** A decoded image: RGBA, 8 bits each, row after row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
