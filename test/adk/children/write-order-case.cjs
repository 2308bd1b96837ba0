// State.set() twice before the first of the two events is appended, and once while others write.
exports.writeOrder = async (adk, SqliteSessionService, SessionStore, database) => {
  const { createEvent, State } = adk;
  const service = new SqliteSessionService(database);
  const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
  const session = await service.createSession({ ...key, state: { theirs: 'old' } });
  const write = (name, value) => {
    const stateDelta = {};
    new State(session.state, stateDelta).set(name, value);
    return createEvent({ author: 'agent', invocationId: 'i', actions: { stateDelta } });
  };
  const append = (event) => service.appendEvent({ session, event });

  const older = write('n', 'older');
  const newer = write('n', 'newer');
  await append(older);
  const afterOlder = session.state.n;
  await append(newer);
  const afterNewer = session.state.n;

  const waiting = write('mine', 'waiting');
  const other = await service.getSession(key);
  const stateDelta = { mine: 'stored', theirs: 'stored' };
  await service.appendEvent({ session: other, event: createEvent({ author: 'other', actions: { stateDelta } }) });
  await append(createEvent({ author: 'agent' }));
  const overtaken = { mine: session.state.mine, theirs: session.state.theirs };
  await append(waiting);

  const { state } = await service.getSession(key);
  await service.close();
  return { afterOlder, afterNewer, overtaken, stored: state.n, isStore: service.store instanceof SessionStore };
};
