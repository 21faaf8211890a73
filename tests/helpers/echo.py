"""The smallest panel: a box, and what Python makes of the text in it."""

import base64

import custlens as cl
from custlens.plot.picture import Picture
from custlens.widgets._base import Panel, static

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"


class Echo(Panel):
    """Repeats a text in capitals; `refuse` and `break` fail."""

    _esm = (
        static("base.js")
        + """
export default panel("Echo", ({ root, send, status, signal }) => {
  const box = element("input", { "aria-label": "Text" });
  const answer = element("p", { class: "answer" });
  box.addEventListener("input", debounced(() => send("text", { text: box.value }), 50, signal));
  root.append(box, answer, status);
  return {
    answer({ text }, [bytes]) { answer.textContent = `${text} ${bytes.getUint8(0)}`; },
  };
});
"""
    )

    def __init__(self, words="Type."):
        super().__init__()
        self.say(words)

    def echo(self, text):
        if text == "refuse":
            raise cl.ArgumentError("<b>no</b>")
        if text == "break":
            raise ZeroDivisionError("<b>oops</b>")
        self.tell("answer", text=text.upper(), buffers=[bytes([len(text)])])
        self.say(f"{len(text)} letters.")

    def _on_text(self, text):
        self.echo(text)

    def still_table(self):
        return "<table><tr><td>No kernel, no echo.</td></tr></table>"

    def still_picture(self):
        return Picture(base64.b64decode(PIXEL), "A dot.", 1, 1)
