// For the builds of what runs in a browser: modules that are put in the place of others.

/** The sources of this package, so that a stale build cannot get in, with the cryptography of browsers. */
export const sharedSources = (directory) => [
  [/^@tutti\/shared\/errors$/, () => `${directory}/errors.ts`],
  [/^@tutti\/shared\/crypto\/primitives$/, () => `${directory}/crypto/web.ts`],
  [/^@tutti\/shared\/(\w+)$/, ([, room]) => `${directory}/${room}/index.ts`],
  // Every language that the schema library can speak, of which it loads English by itself.
  [/\/locales\/index\.js$/, () => `${directory}/no-locales.ts`],
];

/**
 * A plugin for esbuild.
 * @param {[RegExp, (match: RegExpExecArray) => string][]} replaced - what an import looks like, and the path of what it gets instead
 */
export const replacing = (replaced) => ({
  name: 'replacing',
  setup(bundle) {
    for (const [filter, replacement] of replaced) {
      bundle.onResolve({ filter }, ({ path, importer }) => {
        const by = replacement(filter.exec(path));
        return importer === by ? undefined : { path: by };
      });
    }
  },
});
