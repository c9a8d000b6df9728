export default [{ name: "greet", run: () => {} }]
