/** The version in package.json. An addon is compiled for one version. */
export const packageVersion = '0.1.0';
