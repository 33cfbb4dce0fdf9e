import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  type DataQuery,
  FieldColorModeId,
  type GraphFieldConfig,
  LegendDisplayMode,
  MappingType,
  type Panel,
  PercentChangeColorMode,
  SortOrder,
  StackingMode,
  type Threshold,
  ThresholdsMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from '@grafana/schema';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  Options as StateTimelineOptions,
  FieldConfig as StateTimelineStyle,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type { Options as TimeSeriesOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** One line, or family of lines, of a panel. */
export interface Query {
  /** PromQL; may hold `$cache`, `$instance` and `$__rate_interval`. */
  readonly expr: string;
  readonly legend: string;
  /** Why it may have no data while all is well; left out, it has to have some. */
  readonly emptyInHealth?: string;
}

/** One panel as it is written down here. */
export interface PanelSpec {
  readonly kind: 'timeseries' | 'stat' | 'state-timeline';
  readonly title: string;
  /** What it shows and what to look out for. */
  readonly description: string;
  readonly queries: readonly Query[];
  /** A unit of Grafana's. */
  readonly unit: string;
  /** Of 24. */
  readonly width: number;
  readonly isStacked?: true;
  readonly max?: number;
  /** For `stat`: colours from a value on. */
  readonly thresholds?: readonly Threshold[];
  /** For `state-timeline`: what a value is called. */
  readonly states?: readonly { readonly value: number; readonly text: string; readonly color: string }[];
}

/** A query as Grafana's Prometheus data source stores it; the schema package has no type for it. */
interface PrometheusQuery extends DataQuery {
  readonly expr: string;
  readonly legendFormat: string;
  readonly range: boolean;
  readonly instant: boolean;
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;

/** The panel in Grafana's terms, without its place. */
export function toPanel(spec: PanelSpec): Omit<Panel, 'gridPos' | 'id'> {
  const { title, description, queries } = spec;
  const targets = queries.map(
    ({ expr, legend }, index): PrometheusQuery => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      range: spec.kind !== 'stat',
      instant: spec.kind === 'stat',
    }),
  );
  return {
    title,
    description,
    datasource: DATASOURCE,
    targets: targets.map((target) => ({ ...target })),
    ...looks(spec),
  };
}

function looks(spec: PanelSpec): Pick<Panel, 'type' | 'options' | 'fieldConfig'> {
  switch (spec.kind) {
    case 'timeseries':
      return timeSeriesLooks(spec);
    case 'stat':
      return statLooks(spec);
    case 'state-timeline':
      return stateTimelineLooks(spec);
  }
}

function timeSeriesLooks({ unit, isStacked, max }: PanelSpec): Pick<Panel, 'type' | 'options' | 'fieldConfig'> {
  const options: TimeSeriesOptions = {
    legend: { calcs: ['lastNotNull'], displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  };
  const custom: GraphFieldConfig = {
    lineWidth: 1,
    fillOpacity: isStacked ? 30 : 8,
    spanNulls: false,
    stacking: { mode: isStacked ? StackingMode.Normal : StackingMode.None, group: 'A' },
  };
  return {
    type: 'timeseries',
    options: { ...options },
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max !== undefined && { max }),
        color: { mode: FieldColorModeId.PaletteClassic },
        custom: { ...custom },
      },
      overrides: [],
    },
  };
}

function statLooks({ unit, max, thresholds = [] }: PanelSpec): Pick<Panel, 'type' | 'options' | 'fieldConfig'> {
  const options: StatOptions = {
    colorMode: BigValueColorMode.Value,
    graphMode: BigValueGraphMode.None,
    justifyMode: BigValueJustifyMode.Auto,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showPercentChange: false,
    textMode: BigValueTextMode.Auto,
    wideLayout: true,
  };
  const steps: Threshold[] = [{ color: 'green', value: null }, ...thresholds];
  return {
    type: 'stat',
    options: { ...options },
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max !== undefined && { max }),
        color: { mode: FieldColorModeId.Thresholds },
        thresholds: { mode: ThresholdsMode.Absolute, steps },
      },
      overrides: [],
    },
  };
}

function stateTimelineLooks({ states = [] }: PanelSpec): Pick<Panel, 'type' | 'options' | 'fieldConfig'> {
  const options: StateTimelineOptions = {
    legend: { calcs: [], displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: false },
    tooltip: { mode: TooltipDisplayMode.Single, sort: SortOrder.None },
    mergeValues: true,
    rowHeight: 0.8,
    showValue: VisibilityMode.Auto,
  };
  const custom: StateTimelineStyle = { fillOpacity: 80, lineWidth: 0 };
  const texts = Object.fromEntries(states.map(({ value, text, color }, index) => [value, { text, color, index }]));
  return {
    type: 'state-timeline',
    options: { ...options },
    fieldConfig: {
      defaults: {
        color: { mode: FieldColorModeId.Thresholds },
        mappings: [{ type: MappingType.ValueToText, options: texts }],
        custom: { ...custom },
      },
      overrides: [],
    },
  };
}
