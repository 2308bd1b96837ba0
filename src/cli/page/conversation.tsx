import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type EventRecord, get, type Json, type LoadedSession, query, useGet } from './api.js';
import { count, pretty, time } from './format.js';
import { Parts } from './parts.js';

interface Props {
  appName: string;
  userId: string;
  id: string;
}

/** A session as a conversation, with the state after the chosen event beside it. */
export function Conversation({ appName, userId, id }: Props) {
  const key = { app: appName, user: userId, session: id };
  const { value, error } = useGet<LoadedSession>(`session?${query(key)}`);
  const [more, setMore] = useState<LoadedSession[]>([]);
  /** The last events, in place of the first ones. */
  const [end, setEnd] = useState<LoadedSession>();
  const [at, setAt] = useState(-1);
  const log = useRef<HTMLOListElement>(null);
  const events = end?.events ?? [...(value?.events ?? []), ...more.flatMap((page) => page.events)];
  const last = end ?? more.at(-1) ?? value;
  const chosen = events[at];

  useLayoutEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || !/^(Arrow(Down|Up)|Home|End)$/.test(event.key)) return;
      event.preventDefault();
      if (event.key === 'Home') showFirst();
      else if (event.key === 'End') showLast();
      else setAt((now) => Math.min(events.length - 1, Math.max(0, now + (event.key === 'ArrowDown' ? 1 : -1))));
    };
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, [events.length, end, value]);
  useEffect(() => log.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);

  const load = (from: Record<string, string | number>) => get<LoadedSession>(`session?${query({ ...key, ...from })}`);
  const loadMore = async () => setMore([...more, await load({ after: events.at(-1)?.seq ?? 0 })]);
  const showFirst = () => {
    setEnd(undefined);
    setAt(0);
  };
  const showLast = async () => {
    const page = last?.more ? await load({ last: 1 }) : end;
    setEnd(page);
    setAt((page?.events ?? events).length - 1);
  };
  if (error) return <p class="error wide">{error}</p>;
  if (!value) return <p class="none wide">…</p>;
  const { session } = value;
  const title = (session.state.__session_metadata__ as { displayName?: string } | undefined)?.displayName;
  return (
    <>
      <section class="conversation" aria-label="Conversation">
        <a class="back" href="#sessions">
          ‹ All sessions
        </a>
        <h2>{title ?? session.id}</h2>
        <p class="facts">
          {session.appName} · {session.userId} · <code>{session.id}</code> · since {time(session.createTime)}
        </p>
        {(value.more || end) && (
          <p class="pages">
            <button type="button" disabled={!end} onClick={showFirst}>
              First events <kbd>Home</kbd>
            </button>
            <button type="button" disabled={!last?.more} onClick={showLast}>
              Last events <kbd>End</kbd>
            </button>
          </p>
        )}
        {events.length === 0 && <p class="none">No events.</p>}
        <ol ref={log}>
          {events.map((event, index) => (
            <Item key={event.seq} event={event} chosen={index === at} choose={() => setAt(index === at ? -1 : index)} />
          ))}
        </ol>
        {last?.more && (
          <p class="pages">
            <button type="button" onClick={loadMore}>
              More events
            </button>
          </p>
        )}
      </section>
      <State keys={key} event={chosen} loaded={value} />
    </>
  );
}

function Item({ event, chosen, choose }: { event: EventRecord; chosen: boolean; choose(): void }) {
  const delta = Object.keys(event.actions?.stateDelta ?? {});
  const artifacts = Object.entries(event.actions?.artifactDelta ?? {});
  return (
    <li class={event.author === 'user' ? 'user' : 'agent'} aria-current={chosen ? 'true' : undefined}>
      <button
        type="button"
        class="event"
        onClick={choose}
        title={`event ${event.id}, invocation ${event.invocationId}`}
      >
        <span class="author">{event.author}</span>
        <time>{time(event.timestamp)}</time>
      </button>
      <Parts parts={event.content?.parts ?? []} />
      {(event.errorCode || event.errorMessage) && (
        <p class="error">
          {event.errorCode} {event.errorMessage}
        </p>
      )}
      {(delta.length > 0 || artifacts.length > 0) && (
        <p class="chips">
          {delta.map((name) => (
            <code key={name}>{name}</code>
          ))}
          {artifacts.map(([name, version]) => (
            <code key={name}>
              {name} v{version}
            </code>
          ))}
        </p>
      )}
    </li>
  );
}

interface StateProps {
  keys: Record<string, string>;
  event: EventRecord | undefined;
  loaded: LoadedSession;
}

/** The state after an event, or the state now with those that the session shares. */
function State({ keys, event, loaded }: StateProps) {
  const { value, error } = useGet<Json>(event ? `state?${query({ ...keys, seq: event.seq })}` : '');
  if (event === undefined) {
    return (
      <aside aria-label="State">
        <h3>State now</h3>
        <Values values={loaded.session.state} />
        <h3>Shared by the user</h3>
        <Values values={loaded.userState} />
        <h3>Shared by the app</h3>
        <Values values={loaded.appState} />
        <p class="hint">Choose an event to see the state after it.</p>
      </aside>
    );
  }
  return (
    <aside class="chosen" aria-label="State">
      <h3>State after event {count(event.seq)}</h3>
      {error && <p class="error">{error}</p>}
      {value && <Values values={value} changed={event.actions?.stateDelta ?? {}} />}
      <h3>The event</h3>
      <pre>{pretty(event)}</pre>
    </aside>
  );
}

function Values({ values, changed = {} }: { values: Json; changed?: Json }) {
  const names = Object.keys(values).sort();
  if (names.length === 0) return <p class="none">Nothing.</p>;
  return (
    <dl class="values">
      {names.map((name) => (
        <div key={name} class={Object.hasOwn(changed, name) ? 'changed' : ''}>
          <dt>{name}</dt>
          <dd>
            <pre>{pretty(values[name])}</pre>
          </dd>
        </div>
      ))}
    </dl>
  );
}
