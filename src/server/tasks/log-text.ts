/** The text of a task's log, line by line. rest-api.md §4.2. */
import type { TaskLines } from './task-registry.js';

/** Longest text of a line, in characters. */
const MAX_TEXT = 4096;

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `2026-11-22T12:19:26+00:00`: local time with its offset. `seconds` since the epoch. */
export function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${day}T${time}${offset < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}

/** A text that is one line: controls become blanks, what is too long is cut. */
export function oneLine(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim();
}

/** A line with its time and its end. */
export function logLine(seconds: number, text: string): string {
  return `${localTime(seconds)}: ${oneLine(text)}\n`;
}

/** Text of the last line of a task that ended with this status. */
export function lastText(status: string): string {
  if (status === 'OK' || status.startsWith('WARNINGS: ')) return `TASK ${status}`;
  return `TASK ERROR: ${status}`;
}

/** The status that the last line of a log tells of; undefined where that is not a last line. */
export function statusOf(line: string): string | undefined {
  const text = /^\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d\d:\d\d: TASK (.+)$/.exec(line)?.[1];
  if (text === undefined || text === 'OK' || /^WARNINGS: \d+$/.test(text)) return text;
  return /^ERROR: (.*)$/.exec(text)?.[1];
}

/** Seconds since the epoch at the start of a line. */
export function timeOf(line: string): number | undefined {
  const milliseconds = Date.parse(line.slice(0, '2026-11-22T12:19:26+00:00'.length));
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

/** Lines of a log with numbers from `start` on, at most `limit`; 0: all. A line without an end is still being written. */
export function selectLines(text: string, start: number, limit: number): TaskLines {
  const all = text.split('\n').slice(0, -1);
  const first = Math.max(0, start - 1);
  const part = all.slice(first, limit === 0 ? undefined : first + limit);
  return { lines: part.map((t, i) => ({ n: first + i + 1, t })), total: all.length };
}
