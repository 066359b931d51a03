import { defineConfig } from "vite";

// Built into the package; the names in assets/ carry a digest and are kept for ever.
export default defineConfig({
  base: "/static/dist/",
  build: {
    outDir: "../src/tallymark/web/static/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 800,
    rolldownOptions: { input: "src/main.ts" },
  },
});
