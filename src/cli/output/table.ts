/** Text tables as the reference client draws them (cli.md §1.3). */
import { printableLine } from './printable.js';

export type Cell = string | number | boolean | undefined;

export interface Column<Row> {
  readonly header: string;
  readonly value: (row: Row) => Cell;
  readonly align?: 'left' | 'right';
}

export interface TableStyle {
  readonly borders: boolean;
  readonly header: boolean;
  readonly unicode: boolean;
  /** Lines are cut to so many characters; undefined: not at all. */
  readonly width?: number;
}

interface Frame {
  readonly top: readonly [string, string, string, string];
  readonly head: readonly [string, string, string, string];
  readonly row: readonly [string, string, string, string];
  readonly end: readonly [string, string, string, string];
  readonly bar: string;
}

const UNICODE: Frame = {
  top: ['┌', '─', '┬', '┐'],
  head: ['╞', '═', '╪', '╡'],
  row: ['├', '─', '┼', '┤'],
  end: ['└', '─', '┴', '┘'],
  bar: '│',
};
const ASCII: Frame = {
  top: ['+', '=', '+', '+'],
  head: ['+', '=', '+', '+'],
  row: ['+', '-', '+', '+'],
  end: ['+', '=', '+', '+'],
  bar: '|',
};

function text(cell: Cell): string {
  if (cell === undefined) return '';
  return typeof cell === 'boolean' ? (cell ? '1' : '0') : printableLine(String(cell));
}

function pad(value: string, width: number, right: boolean): string {
  const fill = ' '.repeat(Math.max(0, width - [...value].length));
  return right ? fill + value : value + fill;
}

function rule(
  [left, fill, cross, right]: readonly [string, string, string, string],
  widths: readonly number[],
): string {
  return left + widths.map((width) => fill.repeat(width + 2)).join(cross) + right;
}

/** The lines of a table; none for no rows. */
export function drawTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: TableStyle,
): string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const right = columns.map(({ align }, i) =>
    align === undefined ? typeof cells[0]![i] !== 'string' : align === 'right',
  );
  const shown = cells.map((row) => row.map(text));
  const headers = columns.map(({ header }) => header);
  const widths = headers.map((header, i) =>
    Math.max(
      style.header && style.borders ? [...header].length : 0,
      ...shown.map((row) => [...row[i]!].length),
    ),
  );
  const cut = (line: string): string =>
    style.width === undefined ? line : [...line].slice(0, style.width).join('');
  if (!style.borders)
    return shown.map((row) => cut(row.map((v, i) => pad(v, widths[i]!, right[i]!)).join(' ')));
  const frame = style.unicode ? UNICODE : ASCII;
  const line = (row: readonly string[], align: readonly boolean[]): string =>
    `${frame.bar} ${row.map((v, i) => pad(v, widths[i]!, align[i]!)).join(` ${frame.bar} `)} ${frame.bar}`;
  const lines = [rule(frame.top, widths)];
  if (style.header) lines.push(line(headers, right), rule(frame.head, widths));
  shown.forEach((row, i) => {
    if (i > 0) lines.push(rule(frame.row, widths));
    lines.push(line(row, right));
  });
  lines.push(rule(frame.end, widths));
  return lines.map(cut);
}
