import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { findBinary } from '../servers/binary.ts';
import { findFreePort, ServerUnavailableError } from '../servers/index.ts';
import { type Child, startChild } from './child.ts';

const CONFIG = fileURLToPath(new URL('../../docker/prometheus/prometheus.yml', import.meta.url));
const ALERTS = fileURLToPath(new URL('../../docker/prometheus/alerts.yml', import.meta.url));
const READY_TIMEOUT_MS = 20_000;

/** As far as it is changed here. */
interface PrometheusConfig {
  global: { scrape_interval: string; evaluation_interval: string };
  rule_files: string[];
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

/** One series of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as text. */
  readonly values: readonly (readonly [number, string])[];
}

/** What `/api/v1/rules` says of an alert. */
export interface Alert {
  readonly name: string;
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly health: string;
  readonly lastError?: string;
}

/** A Prometheus of the machine, with the configuration of docker/prometheus and other targets. */
export class Prometheus {
  readonly #child: Child;
  readonly #url: string;
  readonly #dir: string;

  private constructor(child: Child, url: string, dir: string) {
    this.#child = child;
    this.#url = url;
    this.#dir = dir;
  }

  /**
   * Starts one that scrapes `targets`, by job, every three seconds. A job without any is left out.
   *
   * @throws {ServerUnavailableError} when there is no Prometheus on this machine
   */
  static async start(targets: Readonly<Record<string, readonly string[]>>): Promise<Prometheus> {
    const binary = await findBinary(['prometheus']);
    if (binary === undefined) {
      throw new ServerUnavailableError(
        'No Prometheus found: install it so that `prometheus` is on the PATH (on Debian and Ubuntu: apt-get install prometheus).',
      );
    }
    const dir = mkdtempSync(join(tmpdir(), 'tierwise-prometheus-'));
    const address = `127.0.0.1:${await findFreePort()}`;
    const config = parse(readFileSync(CONFIG, 'utf8')) as PrometheusConfig;
    config.global = { scrape_interval: '3s', evaluation_interval: '1s' };
    config.rule_files = [ALERTS];
    config.scrape_configs = config.scrape_configs.flatMap((job) => {
      const own = job.job_name === 'prometheus' ? [address] : targets[job.job_name];
      return own === undefined ? [] : [{ ...job, static_configs: [{ targets: [...own] }] }];
    });
    writeFileSync(join(dir, 'prometheus.yml'), stringify(config));
    const child = startChild('Prometheus', binary, [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=${address}`,
    ]);
    const prometheus = new Prometheus(child, `http://${address}`, dir);
    try {
      await child.untilReady(`http://${address}/-/ready`, READY_TIMEOUT_MS);
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  /** What a query answers over the last seconds. Rejects where Prometheus refuses it. */
  async range(
    query: string,
    seconds: number,
    { endSeconds = Date.now() / 1000, stepSeconds = 1 } = {},
  ): Promise<readonly Series[]> {
    const params = { query, start: String(endSeconds - seconds), end: String(endSeconds), step: String(stepSeconds) };
    const { result } = await this.#get<{ result: readonly Series[] }>('/api/v1/query_range', params);
    return result;
  }

  /** All alerts with their state. */
  async alerts(): Promise<readonly Alert[]> {
    const { groups } = await this.#get<{ groups: readonly { rules: readonly Alert[] }[] }>('/api/v1/rules', {});
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #get<T>(path: string, params: Record<string, string>): Promise<T> {
    const answer = await fetch(`${this.#url}${path}?${new URLSearchParams(params)}`);
    const body = (await answer.json()) as { data: T; error?: string };
    if (!answer.ok) throw new Error(body.error ?? `status ${answer.status}`);
    return body.data;
  }
}
