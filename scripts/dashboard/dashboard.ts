import {
  type Dashboard,
  DashboardCursorSync,
  type Panel,
  type RowPanel,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/schema';
import { toPanel } from './panels.ts';
import { SECTIONS, type Section } from './sections.ts';

const COLUMNS = 24;
const STAT_HEIGHT = 4;
const GRAPH_HEIGHT = 8;
const TIMELINE_HEIGHT = 6;
/** The newest that a dashboard of one file may have; Grafana migrates it when it is opened. */
const SCHEMA_VERSION = 41;

const HEIGHTS = { stat: STAT_HEIGHT, timeseries: GRAPH_HEIGHT, 'state-timeline': TIMELINE_HEIGHT } as const;

/** The whole dashboard, as Grafana loads it from a file. */
export function createDashboard(): Dashboard {
  return {
    uid: 'tierwise',
    title: 'tierwise',
    description: 'Layers, loads, memory and coherence of every cache and instance.',
    tags: ['cache', 'tierwise'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: DashboardCursorSync.Crosshair,
    refresh: '10s',
    time: { from: 'now-15m', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [
      {
        title: 'What to do',
        type: 'link',
        url: 'http://localhost:9090/alerts',
        asDropdown: false,
        icon: 'bell',
        includeVars: false,
        keepTime: false,
        tags: [],
        targetBlank: true,
        tooltip: 'The alerts in Prometheus',
      },
    ],
    templating: { list: [datasource(), choice('cache', 'cache_name'), choice('instance', 'instance')] },
    panels: layOut(SECTIONS),
  };
}

/** Every query, with the panel it is of. */
export function dashboardQueries() {
  return SECTIONS.flatMap(({ title: section, panels }) =>
    panels.flatMap(({ title: panel, queries }) => queries.map((query) => ({ section, panel, ...query }))),
  );
}

/** A query as Grafana sends it with nothing chosen. */
export function filledIn(expr: string, rateInterval: string): string {
  return expr.replaceAll('$cache', '.*').replaceAll('$instance', '.*').replaceAll('$__rate_interval', rateInterval);
}

function datasource(): VariableModel {
  return {
    name: 'datasource',
    label: 'Prometheus',
    type: 'datasource',
    query: 'prometheus',
    refresh: VariableRefresh.onDashboardLoad,
  };
}

/** Values of a label, all of them unless some are chosen. */
function choice(name: string, label: string): VariableModel {
  const query = `label_values(tierwise_state, ${label})`;
  return {
    name,
    label: name,
    type: 'query',
    datasource: { type: 'prometheus', uid: '$datasource' },
    query: { query, refId: name },
    refresh: VariableRefresh.onTimeRangeChanged,
    sort: VariableSort.alphabeticalAsc,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

/** Fills rows from left to right, section by section. */
function layOut(sections: readonly Section[]): (Panel | RowPanel)[] {
  const placed: (Panel | RowPanel)[] = [];
  let y = 0;
  for (const { title, panels } of sections) {
    const gridPos = { x: 0, y, w: COLUMNS, h: 1 };
    placed.push({ id: placed.length + 1, type: 'row', title, collapsed: false, gridPos, panels: [] });
    y += 1;
    let x = 0;
    let rowHeight = 0;
    for (const spec of panels) {
      if (x + spec.width > COLUMNS) {
        x = 0;
        y += rowHeight;
        rowHeight = 0;
      }
      const h = HEIGHTS[spec.kind];
      placed.push({ id: placed.length + 1, ...toPanel(spec), gridPos: { x, y, w: spec.width, h } });
      x += spec.width;
      rowHeight = Math.max(rowHeight, h);
    }
    y += rowHeight;
  }
  return placed;
}
