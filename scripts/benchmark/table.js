// Medians and the table of results.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of the quotients of runs that belong together. */
export function pairedRatio(own, other) {
  return median(own.map((value, i) => value / other[i]));
}

const HEAD = ['', 'program', 'wall s', 'least', 'most', 'cpu/wall', 'peak MiB', '×', 'stored MiB'];

function row({ label, name, samples, reference, stored }) {
  const walls = samples.map(({ wall }) => wall);
  return [
    label,
    name,
    median(walls).toFixed(2),
    Math.min(...walls).toFixed(2),
    Math.max(...walls).toFixed(2),
    median(samples.map(({ cpu, wall }) => cpu / wall)).toFixed(2),
    Math.max(...samples.map(({ memory }) => memory)).toFixed(0),
    reference === undefined
      ? ''
      : pairedRatio(
          walls,
          reference.map(({ wall }) => wall),
        ).toFixed(2),
    stored === undefined ? '' : (stored / 1024 ** 2).toFixed(0),
  ];
}

/** Rows of samples as a Markdown table. `reference` are the samples of restic, or of plain backups, in the same runs. */
export function table(rows) {
  const cells = [HEAD, ...rows.map(row)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  const line = (columns) =>
    `| ${columns.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n');
}
