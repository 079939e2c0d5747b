/** Builds the browser client into a folder, which is made anew, with another module for the participant's worker where one is named. */
export declare function buildBrowserClient(out: string, participant?: string): Promise<void>;
