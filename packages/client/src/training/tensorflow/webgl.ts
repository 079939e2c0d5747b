// The backend for graphics processors. There is none for Node: the build of the browser client puts another module in the place of this.
throw new Error('it runs in web pages only');
