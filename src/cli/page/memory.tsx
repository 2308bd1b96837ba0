import { useState } from 'preact/hooks';
import type { FileOverview } from '../inspector-types.js';
import { type MemoryRecord, query, useGet } from './api.js';
import { time } from './format.js';
import { Parts } from './parts.js';

export function Memory({ overview: { users, memory } }: { overview: FileOverview }) {
  const [user, setUser] = useState(0);
  const [text, setText] = useState('');
  const { appName = '', userId = '' } = users[user] ?? {};
  const path = text.trim() === '' ? '' : `memory?${query({ app: appName, user: userId, query: text })}`;
  const { value, error } = useGet<MemoryRecord[]>(path);
  if (!memory || users.length === 0) return <p class="none wide">This file has no memory.</p>;
  return (
    <section class="column" aria-label="Memory">
      <p class="fields">
        <select aria-label="User" onChange={(event) => setUser(event.currentTarget.selectedIndex)}>
          {users.map((one) => (
            <option key={`${one.appName}/${one.userId}`}>
              {one.appName} · {one.userId}
            </option>
          ))}
        </select>
        <input
          type="search"
          placeholder="Search what this user's memory holds"
          aria-label="Search the memory"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </p>
      {error && <p class="error">{error}</p>}
      {value?.length === 0 && <p class="none">Nothing found.</p>}
      <ol class="cards">
        {value?.map((entry) => (
          <li key={entry.id}>
            <p class="facts">
              {entry.author ?? 'no author'} · {entry.timestamp ? time(entry.timestamp) : 'no time'} ·{' '}
              {entry.scope === 'app' ? 'the whole app' : 'this user'}
              {entry.score !== undefined && ` · ${entry.score.toFixed(2)}`}
              {entry.sessionId && (
                <>
                  {' · '}
                  <a href={`#sessions/${[appName, userId, entry.sessionId].map(encodeURIComponent).join('/')}`}>
                    session
                  </a>
                </>
              )}
            </p>
            <Parts parts={entry.content.parts ?? []} />
          </li>
        ))}
      </ol>
    </section>
  );
}
