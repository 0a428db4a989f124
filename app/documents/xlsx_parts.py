"""The parts of an xlsx file beside its rows: a zip of XML as ECMA-376 has it. Text is escaped by the caller."""

from collections.abc import Sequence

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PART = "application/vnd.openxmlformats-officedocument.spreadsheetml"

MOMENT, DAY = 164, 165
"""The numbers of our own number formats; those below 164 are built in."""
FIXED = {
    "[Content_Types].xml": (
        f'{XML}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{PART}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{PART}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{PART}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml"'
        ' ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        f'<Relationship Id="rId2" Type="{PACKAGE}/relationships/metadata/core-properties"'
        ' Target="docProps/core.xml"/>'
        "</Relationships>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>"
    ),
}
"""What is the same in every file."""


def styles(formats: Sequence[int]) -> str:
    """The looks of cells, by their number formats; the first one is that of headings, bold."""
    looks = "".join(
        f'<xf numFmtId="{number}" fontId="{int(nth == 0)}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"'
        f' applyFont="1"/>'
        for nth, number in enumerate(formats)
    )
    return (
        f'{XML}<styleSheet xmlns="{MAIN}"><numFmts count="2">'
        f'<numFmt numFmtId="{MOMENT}" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/>'
        f'<numFmt numFmtId="{DAY}" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="等线"/></font>'
        '<font><b/><sz val="11"/><name val="等线"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(formats)}">{looks}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def workbook(title: str, last_column: str, last_row: int) -> str:
    """The one sheet. Its headings are filters, and stand on every page on paper."""
    return (
        f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><bookViews><workbookView/></bookViews>'
        f'<sheets><sheet name="{title}" sheetId="1" r:id="rId1"/></sheets><definedNames>'
        '<definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">'
        f"'{title}'!$A$1:${last_column}${last_row}</definedName>"
        f'<definedName name="_xlnm.Print_Titles" localSheetId="0">\'{title}\'!$1:$1</definedName>'
        "</definedNames></workbook>"
    )


def properties(title: str, made_by: str, made_at: str) -> str:
    """What the file says of itself; the moment is UTC, as ISO 8601."""
    return (
        f'{XML}<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{title}</dc:title><dc:creator>{made_by}</dc:creator>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{made_at}</dcterms:created></cp:coreProperties>'
    )


def before_rows(widths: Sequence[int]) -> str:
    """The sheet up to its rows. The headings stay where they are while the rows are scrolled."""
    columns = "".join(
        f'<col min="{nth}" max="{nth}" width="{width}" customWidth="1"/>' for nth, width in enumerate(widths, start=1)
    )
    return (
        f'{XML}<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        '<sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols><sheetData>'
    )


def after_rows(last_cell: str, foot: str) -> str:
    """The sheet after its rows: on paper A4 across with a line at the foot; no warning that ids are digits."""
    return (
        f'</sheetData><autoFilter ref="A1:{last_cell}"/>'
        '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
        f"<headerFooter><oddFooter>&amp;L{foot}&amp;R第 &amp;P 页，共 &amp;N 页</oddFooter></headerFooter>"
        f'<ignoredErrors><ignoredError sqref="A1:{last_cell}" numberStoredAsText="1"/></ignoredErrors></worksheet>'
    )
