import type { Unit } from './result.ts';
import type { Target } from './targets.ts';

/** A figure as people read it: at most three digits that count. */
export function formatFigure(value: number, unit: Unit): string {
  switch (unit) {
    case 'ops/s':
      return value >= 1e6
        ? `${digits(value / 1e6)} M/s`
        : value >= 1e3
          ? `${digits(value / 1e3)} k/s`
          : `${digits(value)} /s`;
    case 'ns':
      return value >= 1e6
        ? `${digits(value / 1e6)} ms`
        : value >= 1e3
          ? `${digits(value / 1e3)} µs`
          : `${digits(value)} ns`;
    case 'ms':
      return `${digits(value)} ms`;
    case 'bytes':
      return `${Math.round(value)} B`;
    case '%':
      return `${digits(value)} %`;
    case 'queries':
      return Math.round(value).toLocaleString('en-US');
  }
}

/** What a target asks for, or what was measured for it. */
export function formatTarget(value: number, unit: Target['unit']): string {
  switch (unit) {
    case 'times':
      return `${(value >= 10 ? value.toFixed(1) : value.toFixed(2)).replace(/\.?0$/, '')} ×`;
    case 'bytes':
      return `${Math.round(value)} B`;
    case 'ms':
      return `${digits(value)} ms`;
    case '%':
      return `${digits(value)} %`;
  }
}

/** How far the rounds lie apart, as a share of the median. */
export function formatSpread(lowest: number, highest: number, median: number): string {
  return median === 0 ? '' : `±${Math.round((50 * (highest - lowest)) / median)} %`;
}

function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  return magnitude >= 10 ? value.toFixed(1) : value.toFixed(2);
}
