/** Builds the dashboard into a folder, which is made anew. */
export declare function buildDashboard(out: string): Promise<void>;
