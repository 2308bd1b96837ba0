import { useEffect, useState } from 'preact/hooks';
import type { ArtifactItem, FileOverview } from '../inspector-types.js';
import { query, useGet } from './api.js';
import { count, size } from './format.js';

const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const TEXTS = /^text\/|json|xml|yaml|javascript|csv|svg/;
const LONGEST_PREVIEW = 200_000;

const pathOf = ({ appName, userId, sessionId, name }: ArtifactItem): string =>
  `artifact?${query({ app: appName, user: userId, session: sessionId, name })}`;

export function Artifacts({ overview }: { overview: FileOverview }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<ArtifactItem>();
  const { value, error } = useGet<ArtifactItem[]>(`artifacts?${query({ text })}`);
  if (!overview.artifacts) return <p class="none wide">This file has no artifacts.</p>;
  return (
    <section class="column" aria-label="Artifacts">
      <p class="fields">
        <input
          type="search"
          placeholder="Search names, apps, users"
          aria-label="Search artifacts"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </p>
      {error && <p class="error">{error}</p>}
      {value?.length === 0 && <p class="none">No artifacts.</p>}
      <ul class="cards">
        {value?.map((one) => {
          const open = chosen !== undefined && pathOf(chosen) === pathOf(one);
          return (
            <li key={pathOf(one)}>
              <button
                type="button"
                class="event"
                aria-expanded={open}
                onClick={() => setChosen(open ? undefined : one)}
              >
                <span class="author">{one.name}</span>
                <span>
                  {one.appName} · {one.userId} · {one.sessionId === '' ? 'all sessions' : one.sessionId}
                </span>
                <span class="weight">
                  {one.mimeType ?? 'no type'} · {size(one.size)} · {count(one.versions, 'version')}
                </span>
              </button>
              {open && <Preview item={one} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Preview({ item }: { item: ArtifactItem }) {
  const path = pathOf(item);
  return (
    <div class="preview">
      {PICTURES.test(item.mimeType ?? '') ? (
        <img src={path} alt={item.name} />
      ) : TEXTS.test(item.mimeType ?? '') ? (
        <TextPreview path={path} />
      ) : (
        <p class="none">No preview of this type.</p>
      )}
      <p>
        <a href={`${path}&download=1`} download={item.name.split('/').pop()}>
          Download
        </a>
      </p>
    </div>
  );
}

function TextPreview({ path }: { path: string }) {
  const [text, setText] = useState('…');
  useEffect(() => {
    fetch(path)
      .then((response) => response.text())
      .then((whole) => setText(whole.length > LONGEST_PREVIEW ? `${whole.slice(0, LONGEST_PREVIEW)}…` : whole));
  }, [path]);
  return <pre>{text}</pre>;
}
