import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { FileOverview } from '../inspector-types.js';
import { useGet } from './api.js';
import { Artifacts } from './artifacts.js';
import { File } from './file.js';
import { count, size } from './format.js';
import { Memory } from './memory.js';
import { Sessions } from './sessions.js';

const TABS = { sessions: 'Sessions', memory: 'Memory', artifacts: 'Artifacts', file: 'File' } as const;
type Tab = keyof typeof TABS;

/** The place in the page, kept in the address: `#tab` or `#sessions/app/user/id`. */
function usePlace(): [string[], (...parts: string[]) => void] {
  const read = () => location.hash.slice(1).split('/').filter(Boolean).map(decodeURIComponent);
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const listener = () => setPlace(read());
    addEventListener('hashchange', listener);
    return () => removeEventListener('hashchange', listener);
  }, []);
  return [place, (...parts) => (location.hash = parts.map(encodeURIComponent).join('/'))];
}

const isTyping = ({ target }: KeyboardEvent) =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement;

function App() {
  const { value: overview, error } = useGet<FileOverview>('overview');
  const [[first = 'sessions', ...rest], go] = usePlace();
  const [help, setHelp] = useState(false);
  const tab = (first in TABS ? first : 'sessions') as Tab;
  const main = useRef<HTMLElement>(null);

  useLayoutEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape') {
        setHelp(false);
        (document.activeElement as HTMLElement | null)?.blur();
      }
      if (isTyping(event)) return;
      const wanted = Object.keys(TABS)[Number(event.key) - 1];
      if (wanted !== undefined) go(wanted);
      else if (event.key === '?') setHelp((shown) => !shown);
      else if (event.key === '/') {
        event.preventDefault();
        main.current?.querySelector<HTMLInputElement>('input[type=search]')?.focus();
      }
    };
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);

  return (
    <>
      <header>
        <h1 title={overview?.file}>{overview?.file.split(/[\\/]/).pop() ?? 'aiosqlite'}</h1>
        {overview && (
          <p class="facts">
            {count(overview.sessions, 'session')} · {count(overview.events, 'event')} · {size(overview.size)}
          </p>
        )}
        <nav aria-label="Views">
          {Object.entries(TABS).map(([name, title], at) => (
            <a key={name} href={`#${name}`} aria-current={name === tab ? 'page' : undefined}>
              {title} <kbd>{at + 1}</kbd>
            </a>
          ))}
        </nav>
        <button type="button" aria-expanded={help} onClick={() => setHelp(!help)}>
          Keys <kbd>?</kbd>
        </button>
      </header>
      {help && <Help />}
      <main ref={main}>
        {error && <p class="error">{error}</p>}
        {overview && tab === 'sessions' && <Sessions chosen={rest} go={(...parts) => go('sessions', ...parts)} />}
        {overview && tab === 'memory' && <Memory overview={overview} />}
        {overview && tab === 'artifacts' && <Artifacts overview={overview} />}
        {overview && tab === 'file' && <File overview={overview} />}
      </main>
    </>
  );
}

const KEYS = [
  ['1 … 4', 'the views'],
  ['/', 'search'],
  ['j, k', 'next and previous session'],
  ['↓, ↑', 'next and previous event'],
  ['Home, End', 'first and last events'],
  ['Esc', 'leave a field'],
];

const Help = () => (
  <dl class="help">
    {KEYS.map(([key, meaning]) => (
      <div key={key}>
        <dt>
          <kbd>{key}</kbd>
        </dt>
        <dd>{meaning}</dd>
      </div>
    ))}
  </dl>
);

render(<App />, document.getElementById('app') as HTMLElement);
