/** A value as Grafana would write it, for the units that the dashboard uses. */
export function formatValue(value: number, unit: string): string {
  switch (unit) {
    case 'percentunit':
      return `${short(value * 100)} %`;
    case 's':
      return seconds(value);
    case 'bytes':
      return bytes(value, 'B');
    case 'Bps':
      return bytes(value, 'B/s');
    case 'reqps':
    case 'cps':
      return `${short(value)}/s`;
    default:
      return short(value);
  }
}

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} k`;
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function seconds(value: number): string {
  if (value === 0) return '0 s';
  if (value < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
  return value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(1)} s`;
}

function bytes(value: number, unit: string): string {
  if (value < 1024) return `${value.toFixed(0)} ${unit}`;
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} Ki${unit}` : `${(value / 1024 ** 2).toFixed(1)} Mi${unit}`;
}
