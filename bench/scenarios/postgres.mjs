import { openProxy, openServer } from '../run/postgres-server.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';

const DRIVERS = ['postgres', 'pg-transaction', 'adk-postgres'];

/**
 * As long as one figure of the spike that the targets come from. The garbage collection before a round discards compiled code, and
 * goes on in other threads: in a round of 120 ms it was two thirds of the client's CPU.
 */
const ROUND_MS = 1_500;

/** `appendEvent` by a number of callers, each waiting for its last append, on a server for each driver. */
const appendEvents = ({ name, title, callers, delayMs, drivers = DRIVERS }) => ({
  name,
  title,
  unit: 'append',
  baseline: 'pg-transaction',
  drivers,
  durable: true,
  step: callers,
  roundMs: ROUND_MS,
  async open({ module }) {
    const server = openServer();
    const proxy = delayMs === undefined ? undefined : await openProxy(server.address, { delayMs });
    const service = await module.openOnPostgres(proxy?.address ?? server.address);
    return { server, proxy, service, made: 0, events: 0 };
  },
  /** New sessions each time: ADK looks through all events of a session object at each append. */
  async prepare(state, count) {
    const sessions = [];
    for (let i = 0; i < callers; i++) {
      sessions.push(await state.service.createSession(sessionOf(state.made++)));
    }
    state.events += count;
    return { sessions, events: eventsOf(state.events - count, count) };
  },
  async round({ service, proxy }, count, { sessions, events }) {
    const [cpu, trips] = [process.cpuUsage(), proxy?.trips()];
    const latencies = [];
    let next = 0;
    const caller = async (session) => {
      while (next < count) {
        const start = performance.now();
        await service.appendEvent({ session, event: events[next++] });
        latencies.push(performance.now() - start);
      }
    };
    await Promise.all(sessions.map(caller));
    const { user, system } = process.cpuUsage(cpu);
    latencies.sort((a, b) => a - b);
    return {
      p99Ms: latencies[Math.floor(latencies.length * 0.99)],
      cpuUs: (user + system) / count,
      tripsPerAppend: proxy && (proxy.trips() - trips) / count,
    };
  },
  async close({ server, proxy, service }) {
    await service.close();
    proxy?.end();
    server.end();
  },
});

const PER_USER = 100;
const PER_SESSION = 100;
const SMALL = { sessions: 10_000, events: 100_000 };
const LARGE = { sessions: 1_000_000, events: 10_000_000 };
/** --quick has no minutes for it. */
const QUICK_LARGE = { sessions: 100_000, events: 1_000_000 };
const sizeOf = (options) => (options.quick ? QUICK_LARGE : LARGE);

/** Rows of sessions and events, made in the server. */
async function fill(store, query, schema, { sessions, events }) {
  await store.createTables();
  const time = 'to_timestamp(1750000000 + (i::bigint * 7919) % 1000000)';
  await query(`INSERT INTO ${schema}.adk_sessions
    (user_id, app_name, id, session_key, state, create_time, update_time, update_hour, last_seq)
    SELECT 'user-' || i / ${PER_USER}, 'support', 's' || i, i + 1, '{"language":"en"}', ${time}, ${time}, date_trunc('hour', ${time}),
      CASE WHEN i < ${events / PER_SESSION} THEN ${PER_SESSION} ELSE 0 END
    FROM generate_series(0, ${sessions - 1}) AS i`);
  await query(`INSERT INTO ${schema}.adk_events
    (user_id, session_key, seq, app_name, session_id, id, invocation_id, author, actions, "timestamp", content)
    SELECT 'user-' || i / ${PER_USER}, i + 1, n, 'support', 's' || i, 'e' || n, 'i' || n / 2, 'user', '{}', to_timestamp(1750000000 + n),
      '{"role":"user","parts":[{"text":"${'x'.repeat(300)}"}]}'
    FROM generate_series(0, ${events / PER_SESSION - 1}) AS i, generate_series(1, ${PER_SESSION}) AS n`);
  await query(`SELECT setval(pg_get_serial_sequence('${schema}.adk_sessions', 'session_key'), ${sessions})`);
  await query(`VACUUM ANALYZE ${schema}.adk_sessions, ${schema}.adk_events`);
}

const keyOf = (i) => ({ appName: 'support', userId: `user-${Math.floor(i / PER_USER)}`, sessionId: `s${i}` });
const random = (n) => Math.floor(Math.random() * n);

async function timed(times, once) {
  const start = performance.now();
  for (let i = 0; i < times; i++) await once();
  return ((performance.now() - start) * 1_000) / times;
}

/** Of each caller: the first changes the hour of the session's last update, which is in an index. */
const APPENDS = 32;

/** 64 callers, a session each, chosen anew each time. */
async function append({ service, filled, made }) {
  const chosen = new Set();
  while (chosen.size < 64) chosen.add(random(filled));
  const config = { numRecentEvents: 1 };
  const handles = await Promise.all([...chosen].map((i) => service.getSession({ ...keyOf(i), config })));
  const events = eventsOf(made.events, 64 * APPENDS);
  made.events += events.length;
  const caller = async (session, number) => {
    for (let i = 0; i < APPENDS; i++) await service.appendEvent({ session, event: events[i * 64 + number] });
  };
  return (await timed(1, () => Promise.all(handles.map(caller)))) / events.length;
}

const growth = {
  name: 'postgres-growth',
  long: true,
  title: (options) =>
    `PostgreSQL with ${SMALL.sessions} sessions and ${sizeOf(options).sessions}: append, newest 50, page`,
  unit: 'turn',
  drivers: ['postgres'],
  durable: true,
  fixed: 6,
  async open({ module, options }) {
    const server = openServer();
    const sides = {};
    for (const [schema, size] of Object.entries({ small: SMALL, large: sizeOf(options) })) {
      const service = await module.openOnPostgres(server.address, { schema, max: 4 });
      const { default: pg } = await import('pg');
      const client = new pg.Client(server.address);
      await client.connect();
      await fill(service.store, (text) => client.query(text), schema, size);
      await client.end();
      sides[schema] = { service, sessions: size.sessions, filled: size.events / PER_SESSION, made: { events: 1e8 } };
    }
    return { server, sides };
  },
  async round({ server, sides }, count) {
    const work = {
      append,
      recent: ({ service, filled }) =>
        timed(20, () => service.getSession({ ...keyOf(random(filled)), config: { numRecentEvents: 50 } })),
      page: ({ service, sessions }) =>
        timed(20, () => service.listSessions({ ...keyOf(random(sessions)), limit: 50, page: 1 })),
    };
    const sums = { small: {}, large: {} };
    for (let i = 0; i < count; i++) {
      for (const [name, once] of Object.entries(work)) {
        for (const side of ['small', 'large']) sums[side][name] = (sums[side][name] ?? 0) + (await once(sides[side]));
      }
    }
    const ratio = (name) => sums.large[name] / sums.small[name];
    const pages = await timed(1, () => sides.large.service.listSessions({ appName: 'support', limit: 50, page: 1 }));
    return {
      appendRatio: ratio('append'),
      recentRatio: ratio('recent'),
      pageRatio: ratio('page'),
      appPageMs: pages / 1_000,
      hotShare: await hotShare(server),
    };
  },
  async close({ server, sides }) {
    for (const { service } of Object.values(sides)) await service.close();
    server.end();
  },
};

/** Part of the updates of sessions that wrote no index. The server counts with some delay. */
async function hotShare({ address }) {
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const { default: pg } = await import('pg');
  const client = new pg.Client(address);
  await client.connect();
  const { rows } = await client.query(
    "SELECT sum(n_tup_hot_upd)::float8 / sum(n_tup_upd) AS share FROM pg_stat_user_tables WHERE relname = 'adk_sessions'",
  );
  await client.end();
  return rows[0].share;
}

export default [
  appendEvents({ name: 'postgres-append-64', title: 'PostgreSQL: appendEvent, 64 callers', callers: 64 }),
  appendEvents({ name: 'postgres-append-1', title: 'PostgreSQL: appendEvent, 1 caller', callers: 1 }),
  appendEvents({
    name: 'postgres-far-1',
    title: 'PostgreSQL, 1 ms away: appendEvent, 1 caller',
    callers: 1,
    delayMs: 1,
    drivers: ['postgres', 'pg-transaction'],
  }),
  growth,
];
