import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { SessionItem } from '../inspector-types.js';
import { query, useGet } from './api.js';
import { Conversation } from './conversation.js';
import { ago, count, size, time } from './format.js';

interface Props {
  /** App, user and id of the chosen session. */
  chosen: string[];
  go(...parts: string[]): void;
}

export function Sessions({ chosen, go }: Props) {
  const [text, setText] = useState('');
  const [offset, setOffset] = useState(0);
  const { value, error } = useGet<{ sessions: SessionItem[]; more: boolean }>(`sessions?${query({ text, offset })}`);
  const sessions = value?.sessions ?? [];
  const at = sessions.findIndex((one) => isChosen(one, chosen));
  const list = useRef<HTMLUListElement>(null);

  useLayoutEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || (event.key !== 'j' && event.key !== 'k')) return;
      const next = sessions[at + (event.key === 'j' ? 1 : -1)];
      if (next) go(next.appName, next.userId, next.id);
    };
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, [value, at]);
  useEffect(() => list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' }), [at]);

  const search = (event: Event) => {
    setOffset(0);
    setText((event.target as HTMLInputElement).value);
  };
  return (
    <div class={`sessions ${chosen.length === 3 ? 'chosen' : ''}`}>
      <section class="list" aria-label="Sessions">
        <input
          type="search"
          placeholder="Search titles, ids, apps, users"
          aria-label="Search sessions"
          onInput={search}
        />
        {error && <p class="error">{error}</p>}
        {value && sessions.length === 0 && <p class="none">No sessions.</p>}
        <ul ref={list}>
          {sessions.map((one) => (
            <li key={`${one.appName}/${one.userId}/${one.id}`}>
              <a
                href={`#sessions/${[one.appName, one.userId, one.id].map(encodeURIComponent).join('/')}`}
                aria-current={isChosen(one, chosen) ? 'true' : undefined}
              >
                <strong>{one.title ?? one.id}</strong>
                <span>
                  {one.appName} · {one.userId}
                </span>
                <span title={time(one.updateTime)}>{ago(one.updateTime)}</span>
                <span class="weight">
                  {count(one.events, 'event')} · {size(one.bytes)}
                </span>
              </a>
            </li>
          ))}
        </ul>
        {(offset > 0 || value?.more) && (
          <p class="pages">
            <button type="button" disabled={offset === 0} onClick={() => setOffset(Math.max(0, offset - 100))}>
              Newer
            </button>
            <button type="button" disabled={!value?.more} onClick={() => setOffset(offset + 100)}>
              Older
            </button>
          </p>
        )}
      </section>
      {chosen.length === 3 ? (
        <Conversation
          key={chosen.join('/')}
          appName={chosen[0] as string}
          userId={chosen[1] as string}
          id={chosen[2] as string}
        />
      ) : (
        <p class="none wide">Choose a session.</p>
      )}
    </div>
  );
}

const isChosen = ({ appName, userId, id }: SessionItem, [app, user, session]: string[]) =>
  appName === app && userId === user && id === session;
