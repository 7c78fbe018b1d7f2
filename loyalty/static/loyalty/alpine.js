/* What Alpine's CSP build asks for: it reads expressions itself instead of compiling them, knows no global names, and reads
   one statement at a time. So unfold's functions are named to it, and the few expressions that are more are said otherwise. */
document.addEventListener("alpine:init", () => {
  let keys = 0;
  const shell = () => ({
    getCurrentTab,
    moveRecords,
    sortRecords,
    newKey: () => (keys += 1),
    rename: (element) => {
      const inputs = element.getElementsByTagName("input");
      if (inputs[0].name.includes("__prefix__")) {
        inputs[0].name = element.parentElement.getElementsByTagName("input")[0].name;
      }
    },
    window: {
      location: {
        get pathname() {
          return document.location.pathname;
        },
        get search() {
          return document.location.search;
        },
      },
    },
    localStorage: {
      getItem: (name) => globalThis.localStorage.getItem(name),
      setItem: (name, value) => globalThis.localStorage.setItem(name, value),
    },
  });
  Alpine.data("theme", (chosen) => Object.assign(theme(chosen), shell()));
  Object.entries({ searchForm, searchDropdown, searchCommand }).forEach(([name, make]) => Alpine.data(name, make));

  const otherwise = [
    [/^activeTab = ([^;]+);\s*\$watch\([^]*$/, "activeTab = $1"],
    [/^(sidebarDesktopOpen = !sidebarDesktopOpen); localStorage[^]*$/, "$1"],
    [/^if \(([^{}]+)\) (\w+\([^{}]*\))$/, "$1 && $2"],
    [/new Date\(\)\.getTime\(\)/, "newKey()"],
    [/^if \(\$el\.getElementsByTagName\('input'\)[^]*$/, "rename($el)"],
  ];
  const say = (element) => {
    for (const attribute of element.attributes) {
      if (!attribute.name.startsWith("x-")) continue;
      const text = attribute.value.trim();
      const found = otherwise.find(([pattern]) => pattern.test(text));
      if (found) element.setAttribute(attribute.name, text.replace(found[0], found[1]));
    }
  };
  const sayAll = (root) => {
    say(root);
    root.querySelectorAll("*").forEach(say);
    root.querySelectorAll("template").forEach((template) => template.content.querySelectorAll("*").forEach(say));
  };
  sayAll(document.documentElement);
  document.body.setAttribute("x-effect", "localStorage.setItem('sidebarDesktopOpen', sidebarDesktopOpen ? '1' : '0')");
});
