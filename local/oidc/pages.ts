/** The issuer's pages: what a member's browser shows while a device is being approved. */

/** `body` is HTML of our own or of oidc-provider's, which escapes what came from outside. */
function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>${title}</title></head>
  <body><h1>${title}</h1>${body}</body>
</html>`;
}

const submit = (form: string, text: string) => `<button type="submit" form="${form}">${text}</button>`;

/** @param form oidc-provider's form `op.deviceInputForm` */
export const userCodePage = (form: string) =>
  page('Which code does your device show?', form + submit('op.deviceInputForm', 'Continue'));

/** @param form oidc-provider's form `op.deviceConfirmForm`; @param userCode of letters and hyphens */
export const confirmationPage = (form: string, userCode: string) =>
  page(`Does your device show ${userCode}?`, form + submit('op.deviceConfirmForm', 'Yes, let it act for me'));

/** @param action path to which the form goes; @param refused true after a wrong member or password */
export const loginPage = (action: string, refused: boolean) =>
  page(
    'Log in',
    `${refused ? '<p>That member or password is not known here.</p>' : ''}
    <form method="post" action="${action}">
      <label>Member <input type="text" name="member"></label>
      <label>Password <input type="password" name="password"></label>
      <button type="submit">Log in</button>
    </form>`,
  );

export const successPage = () => page('Approved', '<p>You can close this window and go back to your terminal.</p>');

export const errorPage = () => page('This did not work', '<p>Start again in your terminal: edgeboot login.</p>');
