import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresBinaries } from '../../../scripts/postgres.mjs';

const NODES = [1, 2, 3];
const PROGRAMS = ['patroni', 'etcd', 'haproxy', 'ip', 'setpriv'];

/** Reasons why this machine can't run a cluster: none if it can. */
export function missingForCluster(): string[] {
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin');
  const missing = PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  const missed = missing.map((name) => `the program ${name}`);
  if (process.getuid?.() !== 0) missed.push('the rights of root, for network namespaces and the user postgres');
  if (!existsSync('/usr/lib/postgresql')) missed.push("Debian's postgresql");
  return missed;
}

/**
 * Three machines, each a network namespace with PostgreSQL under Patroni and a member of etcd, and HAProxy in a fourth one, which
 * leads to the primary. Programs talk to it by a Unix socket.
 */
export class Cluster {
  /** Folder of HAProxy's socket. */
  readonly folder = mkdtempSync('/tmp/aiosqlite-cluster-');
  readonly #prefix = `adk${process.pid}`;
  readonly #children = new Set<ChildProcess>();

  private constructor() {
    // Also where the tests are ended half-way.
    process.once('exit', this.#remove);
  }

  /** `synchronous`: whether a commit waits for a standby. Resolves once there is a primary with two standbys. */
  static async start(synchronous: boolean): Promise<Cluster> {
    const cluster = new Cluster();
    try {
      cluster.#connect();
      for (const node of NODES) cluster.#configure(node, synchronous);
      for (const node of NODES) cluster.startNode(node);
      cluster.#startProxy();
      await cluster.whole(synchronous);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Ends every process of the cluster, and removes its namespaces and files. */
  async stop(): Promise<void> {
    for (const node of [...NODES, HUB]) this.killNode(node);
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    await Promise.all(ended);
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = () => {
    for (const node of [...NODES, HUB]) {
      this.killNode(node);
      tolerant(() => ip('netns', 'delete', this.#namespace(node)));
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  };

  /** The number of the primary, as the others than `without` see it: a machine without the others knows nothing new. */
  async primary(without?: number): Promise<number> {
    for (;;) {
      const { members = [] } = await this.#view(without);
      const leader = members.find(({ role, state }) => role === 'leader' && state === 'running');
      if (leader) return Number(leader.name.slice(1));
      await sleep(250);
    }
  }

  /** Waits for a primary with two standbys that stream, one of them synchronous where asked. */
  async whole(synchronous: boolean): Promise<void> {
    const end = performance.now() + 240_000;
    for (;;) {
      const { members = [] } = await this.#view();
      const standbys = members.filter(({ role }) => role === (synchronous ? 'sync_standby' : 'replica'));
      const running = members.filter(({ state }) => state === 'running' || state === 'streaming');
      const lagging = members.some(({ lag = 0 }) => lag !== 0 && !(Number(lag) < 16_000_000));
      if (running.length === NODES.length && standbys.length > 0 && !lagging) return;
      if (performance.now() > end) throw new Error(`the cluster is not whole: ${JSON.stringify(members)}`);
      await sleep(500);
    }
  }

  /** As a machine that loses its power. */
  killNode(node: number): void {
    for (const pid of pidsIn(this.#namespace(node))) signal(pid, 'SIGKILL');
  }

  startNode(node: number): void {
    const folder = this.#nodeFolder(node);
    const peers = NODES.map((each) => `n${each}=http://${addressOf(each)}:2380`).join(',');
    const own = `http://${addressOf(node)}`;
    this.#run(node, 'etcd', [
      ...['--name', `n${node}`, '--data-dir', join(folder, 'etcd'), '--initial-cluster', peers],
      ...['--listen-peer-urls', `${own}:2380`, '--initial-advertise-peer-urls', `${own}:2380`],
      ...['--listen-client-urls', `${own}:2379`, '--advertise-client-urls', `${own}:2379`],
      // Three members share a disk here, which the tests load.
      ...['--enable-v2', '--heartbeat-interval', '250', '--election-timeout', '2500', '--unsafe-no-fsync'],
    ]);
    this.#run(node, 'patroni', [join(folder, 'patroni.yml')]);
  }

  /** As a virtual machine that is paused. */
  freezeNode(node: number): void {
    for (const pid of pidsIn(this.#namespace(node))) signal(pid, 'SIGSTOP');
  }

  thawNode(node: number): void {
    for (const pid of pidsIn(this.#namespace(node))) signal(pid, 'SIGCONT');
  }

  /** Cuts a machine off from everything. */
  cutOff(node: number): void {
    ip('-n', this.#namespace(HUB), 'link', 'set', `v${node}`, 'down');
  }

  /** Cuts a machine off from the other two, not from its clients. */
  isolate(node: number): void {
    for (const other of NODES.filter((each) => each !== node)) {
      ip('-n', this.#namespace(node), 'route', 'add', 'blackhole', addressOf(other));
    }
  }

  reconnect(node: number): void {
    ip('-n', this.#namespace(HUB), 'link', 'set', `v${node}`, 'up');
    for (const other of NODES) {
      tolerant(() => ip('-n', this.#namespace(node), 'route', 'delete', 'blackhole', addressOf(other)));
    }
  }

  // ── making it ──

  #namespace(node: number): string {
    return `${this.#prefix}-${node}`;
  }

  #nodeFolder(node: number): string {
    return join(this.folder, `n${node}`);
  }

  /** The addresses exist inside the namespaces alone. */
  #connect(): void {
    const hub = this.#namespace(HUB);
    ip('netns', 'add', hub);
    ip('-n', hub, 'link', 'add', 'bridge0', 'type', 'bridge');
    ip('-n', hub, 'address', 'add', `${addressOf(HUB)}/24`, 'dev', 'bridge0');
    for (const device of ['lo', 'bridge0']) ip('-n', hub, 'link', 'set', device, 'up');
    for (const node of NODES) {
      const own = this.#namespace(node);
      ip('netns', 'add', own);
      ip('link', 'add', `v${node}`, 'netns', hub, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', own);
      ip('-n', hub, 'link', 'set', `v${node}`, 'master', 'bridge0', 'up');
      ip('-n', own, 'address', 'add', `${addressOf(node)}/24`, 'dev', 'eth0');
      for (const device of ['lo', 'eth0']) ip('-n', own, 'link', 'set', device, 'up');
    }
  }

  #configure(node: number, synchronous: boolean): void {
    const folder = this.#nodeFolder(node);
    mkdirSync(folder, { recursive: true });
    const own = addressOf(node);
    const config = {
      scope: 'adk',
      name: `n${node}`,
      restapi: { listen: `${own}:8008`, connect_address: `${own}:8008` },
      // Not etcd3: there, Patroni 3.0 overwrites the lock of a new primary when a frozen one wakes up.
      etcd: { hosts: NODES.map((each) => `${addressOf(each)}:2379`) },
      bootstrap: {
        dcs: {
          // Patroni's defaults.
          ttl: 30,
          loop_wait: 10,
          retry_timeout: 10,
          synchronous_mode: synchronous,
          postgresql: { use_pg_rewind: true, parameters: { max_connections: 60, wal_keep_size: '512MB' } },
        },
        initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums'],
      },
      postgresql: {
        listen: `${own}:5432`,
        connect_address: `${own}:5432`,
        data_dir: join(folder, 'data'),
        bin_dir: postgresBinaries(),
        pgpass: join(folder, 'pgpass'),
        pg_hba: ['local all all trust', 'host all all 0.0.0.0/0 trust', 'host replication all 0.0.0.0/0 trust'],
        authentication: { superuser: { username: 'postgres' }, replication: { username: 'replicator' } },
        parameters: { unix_socket_directories: folder, shared_buffers: '64MB' },
      },
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'patroni.yml'), JSON.stringify(config));
    execFileSync('chown', ['-R', 'postgres:postgres', this.folder]);
  }

  #startProxy(): void {
    const servers = NODES.map((node) => `  server n${node} ${addressOf(node)}:5432 check port 8008`);
    const config = `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  timeout check 2s
listen primary
  bind unix@${join(this.folder, '.s.PGSQL.5432')} mode 777
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 3 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
    const file = join(this.folder, 'haproxy.cfg');
    writeFileSync(file, config);
    execFileSync('chmod', ['755', this.folder]);
    this.#run(HUB, 'haproxy', ['-db', '-f', file]);
  }

  /** Runs a program in a namespace, as the user postgres. */
  #run(node: number, program: string, args: string[]): void {
    const log = openSync(join(this.folder, `${program}-${node}.log`), 'a');
    const as = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'];
    const child = spawn('ip', ['netns', 'exec', this.#namespace(node), ...as, program, ...args], {
      stdio: ['ignore', log, log],
      cwd: this.folder,
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' },
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  }

  /** The cluster as the first machine that answers sees it. */
  async #view(
    without?: number,
  ): Promise<{ members?: { name: string; role: string; state: string; lag?: number | string }[] }> {
    for (const node of NODES.filter((each) => each !== without)) {
      try {
        // From inside the hub: nothing outside the namespaces has a route.
        const args = ['netns', 'exec', this.#namespace(HUB), process.execPath, '-e', GET, addressOf(node)];
        const members = JSON.parse(execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
        if (members.members?.some(({ role }: { role: string }) => role === 'leader')) return members;
      } catch {}
    }
    return {};
  }
}

/** Number of the namespace of HAProxy and of the bridge between all. */
const HUB = 100;
const GET = `fetch('http://' + process.argv[1] + ':8008/cluster', { signal: AbortSignal.timeout(2000) })
  .then((answer) => answer.text()).then((text) => console.log(text), () => process.exit(1))`;

const addressOf = (node: number) => `10.77.0.${node}`;

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function pidsIn(namespace: string): number[] {
  try {
    return ip('netns', 'pids', namespace).split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A process may have ended in the meantime. */
function signal(pid: number, name: NodeJS.Signals): void {
  tolerant(() => process.kill(pid, name));
}

function tolerant(action: () => unknown): void {
  try {
    action();
  } catch {}
}
