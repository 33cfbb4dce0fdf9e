import type { PanelSpec, Query } from './panels.ts';
import { ALL, perInstance, quantiles, rate, sumBy } from './promql.ts';

/** Panels that belong together, under one heading. */
export interface Section {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

const HITS = `sum(rate(tierwise_requests_total{${ALL}, cache_result="hit"}[$__rate_interval]))`;
const READS = `sum(rate(tierwise_requests_total{${ALL}, cache_layer="l1"}[$__rate_interval]))`;

const OVERVIEW: Section = {
  title: 'At a glance',
  panels: [
    {
      kind: 'stat',
      title: 'Hit ratio',
      description: 'Reads that memory or the shared layer answered, of all reads. The rest was loaded.',
      unit: 'percentunit',
      max: 1,
      width: 4,
      queries: [{ expr: `${HITS} / ${READS}`, legend: 'hits' }],
      thresholds: [
        { color: 'red', value: 0 },
        { color: 'orange', value: 0.5 },
        { color: 'green', value: 0.8 },
      ],
    },
    {
      kind: 'stat',
      title: 'Reads',
      description: 'Keys asked for, a second.',
      unit: 'reqps',
      width: 4,
      queries: [{ expr: READS, legend: 'reads' }],
    },
    {
      kind: 'stat',
      title: 'Loads',
      description: 'What the loader, usually a database, is asked for, a second.',
      unit: 'reqps',
      width: 4,
      queries: [{ expr: `sum(${rate('tierwise_loads_total')})`, legend: 'loads' }],
    },
    {
      kind: 'stat',
      title: 'Instances not coherent',
      description: 'Instances that are suspect or offline: they answer from the loader.',
      unit: 'short',
      width: 4,
      queries: [
        { expr: `count(tierwise_state{${ALL}, cache_state="coherent"} == 0) or vector(0)`, legend: 'instances' },
      ],
      thresholds: [{ color: 'red', value: 1 }],
    },
    {
      kind: 'stat',
      title: 'Invalidations waiting',
      description: 'Names in the journals of all instances. They are delivered when the shared layer is back.',
      unit: 'short',
      width: 4,
      queries: [{ expr: `sum(tierwise_invalidations_journaled{${ALL}})`, legend: 'names' }],
      thresholds: [{ color: 'red', value: 1 }],
    },
    {
      kind: 'stat',
      title: 'Alerts firing',
      description: 'Of docker/prometheus/alerts.yml.',
      unit: 'short',
      width: 4,
      queries: [{ expr: 'count(ALERTS{alertstate="firing"}) or vector(0)', legend: 'alerts' }],
      thresholds: [{ color: 'red', value: 1 }],
    },
  ],
};

const LAYERS: Section = {
  title: 'Layers',
  panels: [
    {
      kind: 'timeseries',
      title: 'Reads by layer and result',
      description:
        'What each layer answered when it was asked. l1 is memory; the others are told with the name of their store. A rise of "unproved" means that proofs come late, of ' +
        '"stale" that tags, prefixes or patterns are invalidated faster than entries are asked for.',
      unit: 'reqps',
      width: 12,
      isStacked: true,
      queries: [
        {
          expr: sumBy('cache_layer, cache_store, cache_result', 'tierwise_requests_total'),
          legend: '{{cache_layer}} {{cache_store}} {{cache_result}}',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Hit ratio',
      description: 'Of each layer: hits of what it was asked for. Overall: reads that needed no load.',
      unit: 'percentunit',
      max: 1,
      width: 12,
      queries: [
        {
          expr:
            sumBy('cache_layer, cache_store', 'tierwise_requests_total', 'cache_result="hit"') +
            ` / sum by (cache_layer, cache_store) (${rate('tierwise_requests_total')})`,
          legend: '{{cache_layer}} {{cache_store}}',
        },
        { expr: `${HITS} / ${READS}`, legend: 'overall' },
      ],
    },
  ],
};

const LOADS: Section = {
  title: 'Loads and commands',
  panels: [
    {
      kind: 'timeseries',
      title: 'Loads',
      description:
        'Loads that ended, reads that waited for one instead of starting their own, and loads whose value was answered but not kept ' +
        'because an invalidation came in between.',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: sumBy('cache_result', 'tierwise_loads_total'), legend: '{{cache_result}}' },
        { expr: `sum(${rate('tierwise_loads_shared_total')})`, legend: 'shared' },
        { expr: `sum(${rate('tierwise_loads_unkept_total')})`, legend: 'unkept' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Load duration',
      description: 'Waiting for a turn under maxLoads included.',
      unit: 's',
      width: 8,
      queries: quantiles('tierwise_load_duration'),
    },
    {
      kind: 'timeseries',
      title: 'Loads under way',
      description: 'At maxLoads (1,000 unless set) further ones wait.',
      unit: 'short',
      width: 8,
      queries: [perInstance('tierwise_loads_running')],
    },
    {
      kind: 'timeseries',
      title: 'Commands of the shared layer, 99 %',
      description:
        'How long 99 of 100 commands take, by kind. One command may carry many keys. "tail" is what proofs are made of.',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le, cache_operation) (${rate('tierwise_store_duration_bucket')}))`,
          legend: '{{cache_operation}}',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Commands of the shared layer',
      description: 'A second, by kind.',
      unit: 'cps',
      width: 8,
      queries: [
        {
          expr: sumBy('cache_operation', 'tierwise_store_duration_count'),
          legend: '{{cache_operation}}',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Errors of the shared layer',
      description:
        'Commands that failed; connections that were lost or could not be made; loaded values it refused to store; keys a layer ' +
        'was not asked for while it was left alone, and entries too large for it, by store.',
      unit: 'cps',
      width: 8,
      queries: [
        { expr: sumBy('instance', 'tierwise_store_errors_total'), legend: 'commands {{instance}}' },
        {
          expr: sumBy('instance', 'tierwise_store_connection_errors_total'),
          legend: 'connections {{instance}}',
        },
        { expr: `sum(${rate('tierwise_store_fills_total', 'cache_result="refused"')})`, legend: 'fills refused' },
        { expr: sumBy('cache_store', 'tierwise_store_skipped_total'), legend: 'not asked {{cache_store}}' },
        {
          expr: sumBy('cache_store', 'tierwise_store_oversized_total'),
          legend: 'too large {{cache_store}}',
        },
      ],
    },
  ],
};

const MEMORY: Section = {
  title: 'Memory of the instances',
  panels: [
    {
      kind: 'timeseries',
      title: 'Entries',
      description: 'Entries held, an instance.',
      unit: 'short',
      width: 8,
      queries: [perInstance('tierwise_memory_entries')],
    },
    {
      kind: 'timeseries',
      title: 'Bytes',
      description: 'Estimated, and only where maxBytes bounds the memory; 0 elsewhere.',
      unit: 'bytes',
      width: 8,
      queries: [perInstance('tierwise_memory_size')],
    },
    {
      kind: 'timeseries',
      title: 'Entries that left, by reason',
      description: '"evicted" made room: many of them mean that the memory is too small for what is asked for.',
      unit: 'cps',
      width: 8,
      queries: [{ expr: sumBy('cache_reason', 'tierwise_memory_evictions_total'), legend: '{{cache_reason}}' }],
    },
  ],
};

const SENT: Query = { expr: `sum(${rate('tierwise_invalidations_sent_total')})`, legend: 'sent' };

const COHERENCE: Section = {
  title: 'Coherence',
  panels: [
    {
      kind: 'state-timeline',
      title: 'State',
      description: 'coherent: answers from memory and the shared layer. suspect, offline: from the loader.',
      unit: 'short',
      width: 24,
      states: [
        { value: 0, text: 'coherent', color: 'green' },
        { value: 1, text: 'suspect', color: 'orange' },
        { value: 2, text: 'offline', color: 'red' },
      ],
      queries: [
        {
          expr:
            `max by (instance, cache_name) (tierwise_state{${ALL}, cache_state="suspect"})` +
            ` + 2 * max by (instance, cache_name) (tierwise_state{${ALL}, cache_state="offline"})`,
          legend: '{{instance}} {{cache_name}}',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Age of the proof',
      description:
        'Since when an instance last knew that it had missed nothing. Up to a third of Δ in health; past Δ it is suspect.',
      unit: 's',
      width: 8,
      queries: [perInstance('tierwise_proof_age')],
    },
    {
      kind: 'timeseries',
      title: 'Staleness bound in force',
      description:
        'How old an answer may be, counted from an invalidation made there: Δ, and more while own invalidations wait.',
      unit: 's',
      width: 8,
      queries: [perInstance('tierwise_staleness_bound')],
    },
    {
      kind: 'timeseries',
      title: 'Propagation',
      description: 'From sending an own event until its message came back. Others hear it about then.',
      unit: 's',
      width: 8,
      queries: quantiles('tierwise_propagation_duration'),
    },
    {
      kind: 'timeseries',
      title: 'Invalidations',
      description: 'Each one sent is received once by every instance that had not heard of it yet.',
      unit: 'cps',
      width: 8,
      queries: [
        SENT,
        {
          expr: sumBy('instance', 'tierwise_invalidations_received_total'),
          legend: 'received {{instance}}',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Undelivered and waiting',
      description: 'Events that nobody confirmed, a second, and names that wait in the journals now.',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: sumBy('instance', 'tierwise_invalidations_undelivered_total'),
          legend: 'undelivered/s {{instance}}',
        },
        { ...perInstance('tierwise_invalidations_journaled'), legend: 'waiting {{instance}}' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Gaps and resyncs',
      description:
        'In the last minute. A gap: the bus skipped messages, a tail fetched them. A resync: memory was emptied.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum by (instance) (increase(tierwise_gaps_total{${ALL}}[1m]))`, legend: 'gaps {{instance}}' },
        { expr: `sum by (instance) (increase(tierwise_resyncs_total{${ALL}}[1m]))`, legend: 'resyncs {{instance}}' },
      ],
    },
  ],
};

const REDIS: Section = {
  title: 'Redis',
  panels: [
    {
      kind: 'timeseries',
      title: 'Memory',
      description: 'At the limit it evicts entries. The coherence state has no lifetime and stays.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: 'redis_memory_used_bytes', legend: 'used' },
        { expr: 'redis_memory_max_bytes', legend: 'limit' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Evicted and expired keys',
      description: 'A second.',
      unit: 'cps',
      width: 8,
      queries: [
        { expr: 'rate(redis_evicted_keys_total[$__rate_interval])', legend: 'evicted' },
        { expr: 'rate(redis_expired_keys_total[$__rate_interval])', legend: 'expired' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Commands and errors',
      description: 'A second. OOM: full, and nothing left to evict.',
      unit: 'cps',
      width: 8,
      queries: [
        { expr: 'rate(redis_commands_processed_total[$__rate_interval])', legend: 'commands' },
        {
          expr: 'sum by (err) (rate(redis_errors_total[$__rate_interval]))',
          legend: 'error {{err}}',
          emptyInHealth: 'Redis has answered no command with an error yet',
        },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Clients',
      description: 'Three connections an instance and partition: commands, tail, bus.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: 'redis_connected_clients', legend: 'connected' },
        { expr: 'redis_blocked_clients', legend: 'blocked' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Network',
      description: 'Bytes a second.',
      unit: 'Bps',
      width: 8,
      queries: [
        { expr: 'rate(redis_net_input_bytes_total[$__rate_interval])', legend: 'in' },
        { expr: 'rate(redis_net_output_bytes_total[$__rate_interval])', legend: 'out' },
      ],
    },
    {
      kind: 'timeseries',
      title: 'Targets that answer',
      description: '1 for each that Prometheus could ask.',
      unit: 'short',
      width: 8,
      max: 1,
      queries: [{ expr: 'up', legend: '{{job}} {{instance}}' }],
    },
  ],
};

export const SECTIONS: readonly Section[] = [OVERVIEW, LAYERS, LOADS, MEMORY, COHERENCE, REDIS];
