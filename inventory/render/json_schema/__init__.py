"""JSON Schemas (draft 2020-12) of the JSON documents that commands print.

`names` lists the documents, `parts` has building blocks, `rows` derives the schemas of rows from the declared tables,
`changes` and `reports` describe the documents, and `documents` puts them together. Nothing is imported here: the
command line reads the names without the rest.
"""
