import { checkNames } from '../../arguments.js';
import { checkCount, refusesForeign } from '../arguments.js';
import { index, metadataTable, type Schema, setVersion, table, trigger } from '../ddl.js';
import { StoreError } from '../errors.js';
import { rewoundTable, tableName } from '../names.js';
import { cascadeToArtifacts } from './cascade.js';
import { buildArtifactQueries } from './queries.js';
import { ARTIFACT_STORE_OPTIONS, type ArtifactStoreOptions } from './records.js';

const MAX_BYTES = 64 * 2 ** 20;

/** The store's table names, validated, so that SQL text needs only to quote them. */
export interface ArtifactNames {
  artifacts: string;
  blobs: string;
  metadata: string;
  /** Of the session store in the same file. */
  sessions: string;
  events: string;
  rewound: string;
}

/** Everything that follows from a store's options: made once, shared with the stores inside transactions. */
export class ArtifactLayout {
  readonly names: ArtifactNames;
  readonly maxBytes: number;
  readonly schema: Schema;
  readonly sql: ReturnType<typeof buildArtifactQueries>;

  constructor(options: ArtifactStoreOptions) {
    checkNames('options', options, ARTIFACT_STORE_OPTIONS);
    const { maxBytes = MAX_BYTES } = options;
    checkCount('options.maxBytes', maxBytes);
    this.maxBytes = maxBytes;
    this.names = resolveNames(options);
    this.schema = { ...buildSchema(this.names), refusesForeign: refusesForeign(options) };
    this.sql = buildArtifactQueries(this.names);
  }
}

function resolveNames({
  artifactsTable = 'adk_artifacts',
  blobsTable = 'adk_artifact_blobs',
  metadataTable = 'adk_metadata',
  sessionsTable = 'adk_sessions',
  eventsTable = 'adk_events',
}: ArtifactStoreOptions): ArtifactNames {
  const names = {
    artifacts: tableName('artifactsTable', artifactsTable),
    blobs: tableName('blobsTable', blobsTable),
    metadata: tableName('metadataTable', metadataTable),
    sessions: tableName('sessionsTable', sessionsTable),
    events: tableName('eventsTable', eventsTable),
  };
  const distinct = new Set(Object.values(names).map((name) => name.toLowerCase()));
  if (distinct.size < 5) throw new StoreError('ADK_INVALID_NAME', 'The five tables need five different names');
  return { ...names, rewound: rewoundTable(names.events) };
}

/** Only built-in functions, so that any SQLite can open and write the file. */
function buildSchema({ artifacts, blobs, metadata, sessions }: ArtifactNames): Schema {
  const tables = [
    table(artifacts, [
      ['artifact_key', 'INTEGER', 'PRIMARY KEY'],
      ['app_name', 'TEXT', 'NOT NULL'],
      ['user_id', 'TEXT', 'NOT NULL'],
      ['session_id', 'TEXT', 'NOT NULL'],
      ['name', 'TEXT', 'NOT NULL'],
      ['version', 'INTEGER', 'NOT NULL'],
      // The field of the part whose content the blobs table holds, and the part without it.
      ['content', 'TEXT', 'NOT NULL'],
      ['part', 'TEXT', 'NOT NULL'],
      ['mime_type', 'TEXT'],
      ['size', 'INTEGER', 'NOT NULL'],
      ['sha256', 'TEXT', 'NOT NULL'],
      ['custom_metadata', 'TEXT'],
      ['create_time', 'REAL', 'NOT NULL'],
      // Set by a rewind. A hidden version keeps its number, so that later ones count on from it.
      ['hidden_by', 'INTEGER'],
    ]),
    // Content by its hash, in chunks, so that a stream needs to hold only one of them.
    table(
      blobs,
      [
        ['sha256', 'TEXT', 'NOT NULL'],
        ['chunk', 'INTEGER', 'NOT NULL'],
        ['bytes', 'BLOB', 'NOT NULL'],
      ],
      'PRIMARY KEY (sha256, chunk)',
    ),
    metadataTable(metadata),
  ];
  const version = 'app_name, user_id, session_id, name, version';
  const visible = index(artifacts, 'visible', `${version}, hidden_by`);
  return {
    tables,
    indexesAndTriggers: [
      index(artifacts, 'versions', version, 'UNIQUE '),
      // Covers lists, whatever the size of the rows.
      { ...visible, sql: `${visible.sql} WHERE hidden_by IS NULL` },
      index(artifacts, 'sha256', 'sha256'),
      trigger(
        artifacts,
        'blobs_delete',
        'DELETE',
        `DELETE FROM "${blobs}" WHERE sha256 = OLD.sha256
    AND NOT EXISTS (SELECT 1 FROM "${artifacts}" AS a WHERE a.sha256 = OLD.sha256);`,
      ),
    ],
    ties: [
      {
        ...cascadeToArtifacts(sessions, artifacts),
        needs: { table: sessions, columns: ['app_name', 'user_id', 'id'] },
      },
    ],
    metadata: tables[2] as Schema['metadata'],
    setVersion: setVersion(metadata),
  };
}
