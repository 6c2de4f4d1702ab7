// Tables that are wider than a screen scroll by the keyboard, too; the theme puts a frame around each when it has loaded.
new MutationObserver(() => document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((frame) => { frame.tabIndex = 0; }))
  .observe(document.documentElement, { childList: true, subtree: true });
