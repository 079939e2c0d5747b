/** Stands in for the list of languages of the schema library. */
export {};
