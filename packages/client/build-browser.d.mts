/** Builds the browser client into a folder, which is made anew. */
export declare function buildBrowserClient(out: string): Promise<void>;
