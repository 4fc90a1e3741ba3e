"""The server of a serving bundle: an API for programs and the editor's page, without torch."""
