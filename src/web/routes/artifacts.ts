import type { SaveArtifactRequest } from '@google/adk';
import { countOf, fieldOf, objectOf, requireText } from '../body.js';
import { HttpError } from '../http.js';
import type { Answer, Call, Route } from '../router.js';
import type { Services } from '../services.js';
import type { Key } from '../turns.js';

type Part = SaveArtifactRequest['artifact'];

const ARTIFACTS = '/apps/:appName/users/:userId/sessions/:sessionId/artifacts';
const ARTIFACT = `${ARTIFACTS}/*filename`;

/** Routes of artifacts whose names may hold slashes. A slash of the name may also be written as `%2F`. */
export function artifactRoutes({ artifactService: service }: Services): Route[] {
  return [
    {
      method: 'POST',
      path: ARTIFACTS,
      answer: ({ params, body }) => {
        const metadata = objectOf(body, 'custom_metadata');
        return save(params, requireText(body, 'filename'), objectOf(body, 'artifact') ?? {}, metadata);
      },
    },
    { method: 'POST', path: ARTIFACT, answer: ({ params, body }) => save(params, nameOf(params), body) },
    // Fixed ends come first: `a/versions` is the list of versions of `a`, `a%2Fversions` an artifact.
    {
      method: 'GET',
      path: `${ARTIFACT}/versions/metadata`,
      answer: async ({ params }) => ({ body: await service.listArtifactVersions(requestOf(params)) }),
    },
    {
      method: 'GET',
      path: `${ARTIFACT}/versions/:version/metadata`,
      answer: ({ params }) => metadataOf(params, versionOf(params)),
    },
    {
      method: 'GET',
      path: `${ARTIFACT}/versions/:version`,
      answer: ({ params }) => load(params, versionOf(params)),
    },
    {
      method: 'GET',
      path: `${ARTIFACT}/versions`,
      answer: async ({ params }) => ({ body: await service.listVersions(requestOf(params)) }),
    },
    {
      method: 'GET',
      path: `${ARTIFACT}/metadata`,
      answer: ({ params, query }) => metadataOf(params, countOf(query, 'version')),
    },
    { method: 'GET', path: ARTIFACT, answer: ({ params, query }) => load(params, countOf(query, 'version')) },
    {
      method: 'DELETE',
      path: ARTIFACT,
      async answer({ params }) {
        await service.deleteArtifact(requestOf(params));
        return { status: 204 };
      },
    },
  ];

  async function save(
    params: Call['params'],
    filename: string,
    body: Record<string, unknown>,
    customMetadata?: Record<string, unknown>,
  ): Promise<Answer> {
    const artifact = body as Part;
    if (fieldOf(body, 'inline_data') === undefined && body.text === undefined && body.fileData === undefined) {
      throw new HttpError(400, 'the artifact needs inlineData, text or fileData');
    }
    const request = requestOf({ ...params, filename });
    const version = await service.saveArtifact({ ...request, artifact, ...(customMetadata && { customMetadata }) });
    return { body: (await service.getArtifactVersion({ ...request, version })) ?? { version } };
  }

  async function load(params: Call['params'], version: number | undefined): Promise<Answer> {
    const body = await service.loadArtifact({ ...requestOf(params), ...(version !== undefined && { version }) });
    return { body: found(body, params) };
  }

  async function metadataOf(params: Call['params'], version: number | undefined): Promise<Answer> {
    const request = { ...requestOf(params), ...(version !== undefined && { version }) };
    return { body: found(await service.getArtifactVersion(request), params) };
  }
}

const nameOf = (params: Call['params']) => params.filename as string;
function requestOf({ appName, userId, sessionId, filename }: Call['params']): Key & { filename: string } {
  return { appName, userId, sessionId, filename } as Key & { filename: string };
}

function versionOf({ version = '' }: Call['params']): number {
  if (/^\d{1,15}$/.test(version)) return Number(version);
  throw new HttpError(400, 'the version must be a whole number, 0 or more');
}

function found<T>(value: T | undefined, params: Call['params']): T {
  if (value === undefined) throw new HttpError(404, `Artifact not found: ${nameOf(params)}`);
  return value;
}
