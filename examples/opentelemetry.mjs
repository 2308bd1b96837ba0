// Every call as an OpenTelemetry span, beside the spans of your own. `node examples/opentelemetry.mjs [FILE]`
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createPool } from 'aiosqlite';
import { scratchFile } from './support/scratch-file.mjs';

/**
 * From now on each finished call becomes a span, a child of the span in which it was made. Returns what ends that.
 * This is all that a service needs of this file: its SDK, which the next lines stand for, is set up already.
 */
function traceCalls(tracer = trace.getTracer('aiosqlite')) {
  const onCall = (/** @type {unknown} */ message) => {
    const call = /** @type {import('aiosqlite').TracedCall} */ (message);
    const endTime = Date.now();
    // Names as in OpenTelemetry's semantic conventions for databases. The SQL text holds no values: they are parameters.
    const attributes = {
      'db.system.name': 'sqlite',
      'db.namespace': call.database,
      'db.operation.name': call.request,
      'db.query.text': call.sql,
      'db.response.returned_rows': call.rows,
      'aiosqlite.queue_ms': call.queueMs,
      'aiosqlite.run_ms': call.runMs,
      'aiosqlite.group_size': call.groupSize,
    };
    const span = tracer.startSpan(
      call.sql.trim().split(/\s/, 1)[0] || call.request,
      { kind: SpanKind.CLIENT, startTime: endTime - call.totalMs, attributes },
      context.active(), // the event is published in the context of the call
    );
    if (call.outcome !== 'ok') {
      span.setAttribute('error.type', call.outcome);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(endTime);
  };
  subscribe('aiosqlite:call', onCall);
  return () => unsubscribe('aiosqlite:call', onCall);
}

const exporter = new InMemorySpanExporter(); // yours sends them somewhere
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const stop = traceCalls();
const { file, cleanUp } = scratchFile();
const pool = createPool({ database: file });
try {
  await pool.exec('CREATE TABLE IF NOT EXISTS visit (page TEXT NOT NULL)');
  const tracer = trace.getTracer('my-service');
  await tracer.startActiveSpan('GET /page', async (span) => {
    // Written together, committed together: their group size tells.
    await Promise.all(['a', 'b', 'c'].map((page) => pool.run('INSERT INTO visit VALUES (?)', [page])));
    await pool.get('SELECT count(*) AS n FROM visit');
    await pool.run('INSERT INTO visit VALUES (NULL)').catch((error) => console.log('refused:', error.code));
    span.end();
  });
} finally {
  await pool.close();
  stop();
  cleanUp();
}

const spans = exporter.getFinishedSpans();
const request = spans.find(({ name }) => name === 'GET /page');
for (const { name, attributes, parentSpanContext, duration } of spans) {
  if (parentSpanContext?.spanId !== request?.spanContext().spanId) continue;
  const ms = duration[0] * 1e3 + duration[1] / 1e6;
  const [group, outcome] = [attributes['aiosqlite.group_size'], attributes['error.type'] ?? 'ok'];
  console.log(`GET /page > ${name}: ${ms > 0 ? 'some' : 'no'} time, group of ${group}, ${outcome}`);
}
