/** Names of the periods that a time lies in, for keep options. snapshot-manifest.md §11. */
import type { BackupTime } from '../snapshot/names.js';

/** Same text: same period. */
export interface Periods {
  readonly hourly: (time: BackupTime) => string;
  readonly daily: (time: BackupTime) => string;
  readonly weekly: (time: BackupTime) => string;
  readonly monthly: (time: BackupTime) => string;
  readonly yearly: (time: BackupTime) => string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

function localDate(time: BackupTime): Date {
  return new Date(time * 1000);
}

function yearly(time: BackupTime): string {
  return String(localDate(time).getFullYear());
}

function monthly(time: BackupTime): string {
  return `${yearly(time)}/${localDate(time).getMonth() + 1}`;
}

function daily(time: BackupTime): string {
  return `${monthly(time)}/${localDate(time).getDate()}`;
}

function hourly(time: BackupTime): string {
  return `${daily(time)}/${localDate(time).getHours()}`;
}

/** ISO 8601: a week belongs to the year that its Thursday lies in. */
function weekly(time: BackupTime): string {
  const date = localDate(time);
  const weekday = (date.getDay() + 6) % 7;
  // Days of the calendar are counted in UTC, where each has 24 hours.
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate() + 3 - weekday));
  const year = thursday.getUTCFullYear();
  return `${year}/${1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7)}`;
}

/** Periods of this machine's time zone. */
export const localPeriods: Periods = { hourly, daily, weekly, monthly, yearly };
