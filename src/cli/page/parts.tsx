import type { Part } from './api.js';
import { pretty } from './format.js';

/** The parts of an event or of a memory. Texts are shown as texts, never as HTML. */
export const Parts = ({ parts }: { parts: Part[] }) => (
  <>
    {parts.map((part, at) => (
      <One key={at} part={part} />
    ))}
  </>
);

const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

function One({ part }: { part: Part }) {
  const { text, thought, functionCall, functionResponse, inlineData, fileData } = part;
  if (text !== undefined) return <p class={`text ${thought ? 'thought' : ''}`}>{text}</p>;
  if (functionCall) return <Tool arrow="→" name={functionCall.name} value={functionCall.args} />;
  if (functionResponse) return <Tool arrow="←" name={functionResponse.name} value={functionResponse.response} />;
  if (inlineData) {
    const { mimeType = '', data = '', displayName = mimeType } = inlineData;
    // Long contents have been cut, and are no base64 any more.
    if (PICTURES.test(mimeType) && !data.includes('…'))
      return <img src={`data:${mimeType};base64,${data}`} alt={displayName} />;
    return <p class="text">[{displayName}]</p>;
  }
  if (fileData) return <p class="text">[{fileData.fileUri}]</p>;
  return <pre>{pretty(part)}</pre>;
}

const Tool = ({ arrow, name, value }: { arrow: string; name: string | undefined; value: unknown }) => (
  <details class="tool" open>
    <summary>
      {arrow} {name}
    </summary>
    <pre>{pretty(value)}</pre>
  </details>
);
